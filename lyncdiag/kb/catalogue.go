package kb

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Catalogue returns every finding that lyncdiag knows, sorted by ID. The slice
// and all it holds belong to the caller.
func Catalogue() []Spec {
	specs := slices.Concat(clientSpecs(), networkSpecs(), identitySpecs(), serviceSpecs())
	sort.SliceStable(specs, func(i, j int) bool { return strings.Compare(specs[i].ID, specs[j].ID) < 0 })
	return specs
}

// Lookup returns the finding with this name ("adfs-mex-http-500") or ID
// ("LD0061"), whatever its case, and whether there is one. All that it holds belongs to the caller.
func Lookup(name string) (Spec, bool) {
	s, ok := entries()[strings.ToLower(name)]
	s.Resolution, s.References, s.Messages = slices.Clone(s.Resolution), slices.Clone(s.References), slices.Clone(s.Messages)
	return s, ok
}

// entries is the catalogue by lower-case name and ID. Every finding of a run looks
// its entry up, and a run over many targets has very many.
var entries = sync.OnceValue(func() map[string]Spec {
	byName := map[string]Spec{}
	for _, s := range Catalogue() {
		byName[strings.ToLower(s.Name)], byName[strings.ToLower(s.ID)] = s, s
	}
	return byName
})

// Generic returns the entry as it reads without a case. Placeholders in prose
// become the words of [Placeholders]; one that stands alone in parentheses only
// adds a name, and goes. A step may end in something to type, after a colon and a
// space: there placeholders become upper-case words, as the usage texts of commands
// have them ("lyncdiag check ADDRESS"). The result shares no slice with s.
func (s Spec) Generic() Spec { return s.Fill(nil) }

// Fill returns the entry as it reads in a case: a placeholder with a value gets
// it, the others read as in [Spec.Generic]. What a value holds is no template:
// values come from the network.
func (s Spec) Fill(values map[string]string) Spec {
	prose, literal := replacers(values)
	s.Title = prose.Replace(s.Title)
	s.Cause = prose.Replace(s.Cause)
	s.References = slices.Clone(s.References)
	s.Messages = slices.Clone(s.Messages)
	s.Resolution = slices.Clone(s.Resolution)
	for i, step := range s.Resolution {
		text, typed := splitStep(step)
		s.Resolution[i] = prose.Replace(text) + literal.Replace(typed)
	}
	return s
}

// replacers fill what is read and what is typed, each in one pass.
func replacers(values map[string]string) (prose, literal *strings.Replacer) {
	var words, names []string
	for name, word := range Placeholders() {
		if value := values[name]; value != "" {
			words = append(words, "{"+name+"}", value)
			names = append(names, "{"+name+"}", value)
			continue
		}
		words = append(words, " ({"+name+"})", "", "{"+name+"}", word)
		names = append(names, "{"+name+"}", strings.ToUpper(name))
	}
	return strings.NewReplacer(words...), strings.NewReplacer(names...)
}

// splitStep cuts a step before what is to be typed: a record line, a command or
// a path. Without such a part typed is "".
func splitStep(step string) (text, typed string) {
	i := strings.LastIndex(step, ": ")
	if i < 0 {
		return step, ""
	}
	return step[:i+2], step[i+2:]
}

// retired lists the IDs of findings that no longer exist. An ID in a ticket or a
// suppression must keep its meaning, so none of these is ever given again.
func retired() []string {
	return []string{}
}

// explains names rows of the article's message table, counted from 1.
func explains(rows ...int) []string {
	codes := make([]string, len(rows))
	for i, row := range rows {
		codes[i] = "kb2541980-message-" + strconv.Itoa(row)
	}
	return codes
}

// Steps that many resolutions share.
const (
	stepCheckAgain    = "Check again: lyncdiag check {address}"
	stepMexAgain      = "Check again: lyncdiag adfs mex {url}"
	stepCertAgain     = "Check again: lyncdiag cert {host}"
	stepTokenAgain    = "Check again with the user's password: lyncdiag adfs token {address}"
	stepOtherHosts    = "The values above are for Lync Online worldwide. Other clouds, hybrid and Lync Server deployments use other hosts; name yours with --cloud or --deployment to see its lines: lyncdiag dns {domain}"
	stepDNSWait       = "Wait for the change to spread (an hour is usual, 72 hours is the most), then empty the DNS cache of the user's computer: ipconfig /flushdns"
	stepRestartADFS   = "Restart the AD FS Windows Service on every AD FS server: Restart-Service adfssrv"
	stepADFSEvents    = "On each AD FS server and proxy read the errors of the last hour in Event Viewer: Applications and Services Logs > AD FS > Admin (AD FS 2.0: AD FS 2.0 > Admin)."
	stepSnapIn        = "On an AD FS server open Windows PowerShell as administrator. AD FS 2.0 needs its snap-in first: Add-PSSnapin Microsoft.Adfs.PowerShell"
	stepSSOSupport    = "If this does not help, contact Office 365 technical support for SSO issues and attach the report: lyncdiag check {address} -o json=report.json"
	stepOnlineSupport = "Contact Lync Online technical support with the report, as the article says. Lync Online was retired on 31 July 2021, so do not count on an answer."
)

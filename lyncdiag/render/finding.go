package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// finding is one entry of findings, in every document that has them.
type finding struct {
	ID         string     `json:"id"`   // never reused
	Name       string     `json:"name"` // stable
	Type       string     `json:"type"       jsonschema:"enum=client,enum=network,enum=identity,enum=service"`
	Severity   string     `json:"severity"   jsonschema:"enum=failure,enum=warning,enum=info"`
	Confidence string     `json:"confidence" jsonschema:"enum=confirmed,enum=probable,enum=possible"`
	Title      string     `json:"title"`
	Cause      string     `json:"cause"`
	Resolution []string   `json:"resolution"` // steps, in order
	Owner      string     `json:"owner"      jsonschema:"enum=user,enum=help-desk,enum=tenant-admin,enum=dns-admin,enum=network-admin,enum=adfs-admin,enum=microsoft-support"`
	References []string   `json:"references"`
	Evidence   []evidence `json:"evidence"`
	Stage      string     `json:"stage"`    // id of the stage where it was seen
	CausedBy   string     `json:"causedBy"` // name of the finding that explains this one, "" for a root cause
	// Neither counts for the exit code, and verdict and primary finding are as if
	// they did.
	Known           bool   `json:"known"`                                                   // the baseline had it, no less severe
	Suppressed      string `json:"suppressed"`                                              // the suppression that silences it, or "explained by" another that is; "" otherwise
	SuppressedUntil string `json:"suppressedUntil,omitempty" jsonschema:"format=date-time"` // left out: for good
}

type evidence struct {
	Key    string `json:"key"`
	Class  string `json:"class" jsonschema:"enum=user,enum=host,enum=ip,enum=url,enum=text,enum=prose"` // what the value is
	Value  string `json:"value"`
	Origin string `json:"origin" jsonschema:"enum=live,enum=lab,enum=log,enum=bundle,enum=directory,enum=interview"`
	Where  string `json:"where"`          // file or question, "" for the network
	Line   *int   `json:"line,omitempty"` // in the file, from 1
}

func findings(r *lyncdiag.Report) []finding {
	return each(r.Findings, func(f lyncdiag.Finding) finding { return wireFinding(f, r.Target) })
}

func wireFinding(f lyncdiag.Finding, t lyncdiag.Target) finding {
	spec := f.Filled(t)
	return finding{
		ID: f.ID, Name: f.Name, Type: string(f.Type), Severity: string(f.Severity), Confidence: string(cmp.Or(f.Confidence, lyncdiag.Confirmed)),
		Title: spec.Title, Cause: spec.Cause, Resolution: list(spec.Resolution),
		Owner: string(f.Owner), References: list(f.References),
		Evidence: each(f.Evidence, func(e fact.Evidence) evidence {
			return evidence{e.Key, string(e.Class), e.Value, string(e.Origin.Kind), e.Origin.Where, known(e.Origin.Line, e.Origin.Line > 0)}
		}),
		Stage: string(f.Stage), CausedBy: f.CausedBy,
		Known: f.Known, Suppressed: f.Suppressed, SuppressedUntil: stamp(f.SuppressedUntil),
	}
}

// silence says why a finding does not count, "" for one that does.
func (f finding) silence() string {
	switch {
	case f.Suppressed != "" && f.SuppressedUntil != "":
		return "suppressed until " + minute(f.SuppressedUntil) + ": " + f.Suppressed
	case f.Suppressed != "":
		return "suppressed: " + f.Suppressed
	case f.Known:
		return "known: the baseline has it"
	}
	return ""
}

// silenced is a word for a heading: " (suppressed)", " (known)" or "".
func (f finding) silenced() string {
	word, _, ok := strings.Cut(f.silence(), ":")
	if !ok {
		return ""
	}
	word, _, _ = strings.Cut(word, " ")
	return " (" + word + ")"
}

// roots are the findings that nothing else in the list explains.
func roots(all []finding, severity kb.Severity) []finding {
	var out []finding
	for _, f := range all {
		if f.Severity == string(severity) && !explained(all, f) {
			out = append(out, f)
		}
	}
	return out
}

func explained(all []finding, f finding) bool {
	return slices.ContainsFunc(all, func(by finding) bool { return by.Name == f.CausedBy && by.Name != f.Name })
}

// findings writes every root finding with its remedy, failures before
// warnings before infos, and under each what it explains. headed says that the
// page's headline is the first failure's title already.
func (s *sheet) findings(all []finding, headed bool) {
	for _, severity := range []kb.Severity{kb.Failure, kb.Warning} {
		for _, f := range roots(all, severity) {
			s.blank()
			if !headed {
				s.head(severityWord(f)+f.Title, severityTone(f))
				s.blank()
			}
			headed = false
			s.finding(f)
			s.effects(all, f.Name, 1)
		}
	}
	infos := roots(all, kb.Info)
	if len(infos) == 0 {
		return
	}
	s.blank()
	s.line("Good to know")
	for _, f := range infos {
		s.mark(mark{"info", faint}, f.Title+" ("+f.ID+" "+f.Name+")"+f.silenced())
		s.effects(all, f.Name, 1)
	}
}

func (s *sheet) finding(f finding) {
	s.split("Type", kb.Type(f.Type).Label()+" ("+f.Confidence+")", f.ID+" "+f.Name)
	s.item("Silenced", f.silence())
	s.item("Why", f.Cause)
	for i, e := range f.Evidence {
		// What comes from one place says so once, at its end.
		last := i == len(f.Evidence)-1 || place(f.Evidence[i+1]) != place(e)
		s.item(map[bool]string{true: "Seen"}[i == 0], seen(e, last))
	}
	s.item("Who", owners()[f.Owner])
	s.steps("Do", f.Resolution)
	s.item("More", "lyncdiag explain "+f.Name)
	s.item("See", strings.Join(f.References, ", "))
}

// effects writes the findings that a finding explains, and theirs.
func (s *sheet) effects(all []finding, name string, depth int) {
	if depth > len(all) {
		return
	}
	for _, f := range all {
		if f.CausedBy != name || f.Name == name {
			continue
		}
		indent := label + 2*(depth-1)
		s.hang(pad(pad("", margin)+map[bool]string{true: "Explains"}[depth == 1], indent), indent, f.Title+" ("+f.Name+")"+f.silenced())
		s.effects(all, f.Name, depth+1)
	}
}

// seen is a piece of evidence, and where it is from; its value stands whole.
func seen(e evidence, withPlace bool) string {
	text := e.Key + " " + e.Value
	if where := place(e); withPlace && where != "" {
		text += " (" + where + ")"
	}
	return text
}

// place is the file and line of a piece of evidence, "" for the network.
func place(e evidence) string {
	if e.Line == nil {
		return e.Where
	}
	return fmt.Sprintf("%s:%d", e.Where, *e.Line)
}

// severityWord begins the headline of a finding.
func severityWord(f finding) string {
	word := map[string]string{"failure": "Failure", "warning": "Warning"}[f.Severity]
	if word == "" {
		return ""
	}
	return word + f.silenced() + ": "
}

func severityTone(f finding) tone {
	switch {
	case f.silence() != "":
		return faint
	case f.Severity == string(kb.Failure):
		return bad
	}
	return dubio
}

// owners are the words for those who carry out a resolution.
func owners() map[string]string {
	return map[string]string{
		string(kb.User):             "the user",
		string(kb.HelpDesk):         "the help desk",
		string(kb.TenantAdmin):      "the administrator of the Office 365 tenant",
		string(kb.DNSAdmin):         "the administrator of the domain's DNS",
		string(kb.NetworkAdmin):     "the administrator of network, firewall and proxy",
		string(kb.ADFSAdmin):        "the administrator of AD FS",
		string(kb.MicrosoftSupport): "Microsoft support",
	}
}

package lyncdiag

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Explanation is what is known of a text that a user, a log or a report shows.
// What is not known is empty.
type Explanation struct {
	Kind       string   // finding, message, hresult, ms-diagnostics, sip-status, aadsts or adfs
	Code       string   // name of the finding, "kb2541980-message-1", "0x80EE0066", "4005", "404", "AADSTS50126", "MSIS7068"
	Text       string   // what stands there: title, message, symbol or reason
	Type       string   // client, network, identity or service
	Cause      string   //
	Resolution []string // steps a person can follow, in order
	References []string // KB articles, then where a code comes from
	Score      float64  // above 0, at most 1, which is exactly this
}

const (
	maxExplain = 32 << 10 // of the text; messages and headers are shorter
	maxLines   = 64       // of the text that are searched for codes
	maxName    = 64       // no finding's name is longer
)

// Scores of what is not matched as a whole.
const (
	scoreInside = 0.9 // a code among other words
	scoreRange  = 0.6 // a code that only its range explains
	scoreFamily = 0.5 // the start of a finding's name
)

// Explain says what a text means: a finding's name or id, the number of a KB
// article, a message that the client shows or its code, or a code as a client, a log, the Sign-In Assistant or AD FS
// writes it, alone or among other words. The best comes first; a row of the
// article comes before codes that stand beside its message. nil: nothing is
// known. Only the first 32 KiB of text are read.
func Explain(text string) []Explanation {
	if len(text) > maxExplain {
		text = text[:maxExplain]
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	if list := explainReference(text); list != nil {
		return list
	}
	list := explainMessage(text)
	row := 0.0 // score of the best row of the article
	for _, e := range list {
		if strings.HasPrefix(e.Code, "kb2541980-") {
			row = max(row, e.Score)
		}
	}
	for _, e := range explainCodes(text) {
		if row > 0 {
			e.Score = min(e.Score, 0.98*row)
		}
		list = append(list, e)
	}
	list = append(list, explainName(text)...)
	sort.SliceStable(list, func(i, j int) bool { return cmp.Compare(list[j].Score, list[i].Score) < 0 })
	return list
}

// explainName finds a finding by its name or id, by a near spelling, or by the
// start of its name.
func explainName(text string) []Explanation {
	if len(text) > maxName {
		return nil
	}
	typed := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(text))
	if spec, ok := kb.Lookup(typed); ok {
		return []Explanation{explainFinding(spec, 1)}
	}
	var list []Explanation
	var names []string
	for _, spec := range kb.Catalogue() {
		names = append(names, spec.Name)
		if strings.HasPrefix(spec.Name, typed+"-") {
			list = append(list, explainFinding(spec, scoreFamily))
		}
	}
	for _, name := range kb.Nearest(typed, names) {
		spec, _ := kb.Lookup(name)
		list = append(list, explainFinding(spec, scoreInside))
	}
	return list
}

func explainFinding(spec Spec, score float64) Explanation {
	g := spec.Generic()
	return Explanation{
		Kind: "finding", Code: g.Name, Text: g.Title, Type: string(g.Type), Cause: g.Cause,
		Resolution: g.Resolution, References: g.References, Score: score,
	}
}

// attach adds what a finding says to do, after what is there.
func (e *Explanation) attach(name string) {
	spec, ok := kb.Lookup(name)
	if !ok {
		return
	}
	g := spec.Generic()
	if e.Type == "" {
		e.Type = string(g.Type)
	}
	for _, step := range g.Resolution {
		if !slices.Contains(e.Resolution, step) {
			e.Resolution = append(e.Resolution, step)
		}
	}
	for _, reference := range g.References {
		if !slices.Contains(e.References, reference) {
			e.References = append(e.References, reference)
		}
	}
}

// explainMessage finds the message that the client showed. Its steps are the
// section the article sends to, the message's own, then those of the likeliest
// finding behind it.
func explainMessage(text string) []Explanation {
	var list []Explanation
	for _, m := range kb.MatchMessage(text) {
		list = append(list, explainRow(m))
	}
	return list
}

// explainReference explains what lyncdiag itself prints as a reference: the
// code of a message, or the number of a KB article. nil: the text is neither.
func explainReference(text string) []Explanation {
	for _, m := range kb.Messages() {
		if strings.EqualFold(m.Code, text) {
			return []Explanation{explainRow(kb.Match{Message: m, Score: 1})}
		}
	}
	number, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToUpper(text), " ", ""), "KB")
	if !ok {
		return nil
	}
	var list []Explanation
	for _, spec := range kb.Catalogue() {
		if slices.Contains(spec.References, "KB"+number) {
			list = append(list, explainFinding(spec, scoreInside))
		}
	}
	return list
}

func explainRow(m kb.Match) Explanation {
	e := Explanation{
		Kind: "message", Code: m.Message.Code, Text: m.Message.Text, Type: string(m.Message.Type), Cause: m.Message.Cause,
		Score: m.Score, References: []string{cmp.Or(m.Message.Source.KB, m.Message.Source.Section)},
	}
	for _, s := range kb.Sections() {
		if s.ID == m.Message.Section {
			e.Resolution = append(e.Resolution, "Work through the section \""+s.Title+"\" ("+m.Message.Source.KB+").")
		}
	}
	e.Resolution = append(e.Resolution, m.Message.Resolution...)
	if causes := m.Message.Findings; len(causes) > 1 {
		e.Resolution = append(e.Resolution,
			"Find out which cause it is of "+strings.Join(causes, ", ")+": lyncdiag check ADDRESS",
			"The steps from here on are those for the likeliest one, "+causes[0]+". For another: lyncdiag explain NAME")
	}
	if len(m.Message.Findings) > 0 {
		e.attach(m.Message.Findings[0])
	}
	return e
}

// codeFindings are the codes that name a finding by themselves (the catalogue's
// rows; for what a registrar says see classFindings).
var codeFindings = map[string]string{
	"0x80EE006C":  "sip-clock-skew",
	"0x80048821":  "trust-bad-credentials",
	"0x80048823":  "trust-account-locked",
	"28000":       "web-ticket-not-sip-enabled",
	"ID3242":      "trust-bad-credentials",
	"ID3082":      "trust-relying-party-unknown",
	"MSIS3127":    "trust-request-failed",
	"MSIS7068":    "trust-access-denied",
	"AADSTS50034": "trust-user-unknown",
	"AADSTS50053": "trust-account-locked",
	"AADSTS50055": "trust-password-expired",
	"AADSTS50076": "trust-mfa-required",
	"AADSTS50079": "trust-mfa-required",
	"AADSTS50126": "trust-bad-credentials",
	"AADSTS50072": "trust-mfa-required",
	"AADSTS50074": "trust-mfa-required",
	"AADSTS50142": "trust-password-expired",
	"AADSTS50144": "trust-password-expired",
	"AADSTS51004": "trust-user-unknown",
	"0x80041012":  "trust-bad-credentials",
	"0x80041317":  "adfs-metadata-mismatch",
	"0x80043431":  "adfs-metadata-mismatch",
}

// explainCodes finds the codes in a text. Both tables are asked for the whole
// text first: a number alone is a code, a number in a sentence is not.
func explainCodes(text string) []Explanation {
	var list []Explanation
	if !strings.ContainsAny(text, "\r\n") {
		list = codesIn(text, 1)
	}
	if list == nil {
		lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' })
		for _, line := range lines[:min(len(lines), maxLines)] {
			list = append(list, codesIn(line, scoreInside)...)
			for word := range strings.FieldsSeq(line) {
				if strings.Contains(word, "_") || strings.Contains(word, "0x") { // RTC_E_SIP_AUTH_TIME_SKEW
					list = append(list, codesIn(word, scoreInside)...)
				}
			}
		}
	}
	var once []Explanation
	for _, e := range list {
		if !slices.ContainsFunc(once, func(f Explanation) bool { return f.Kind == e.Kind && f.Code == e.Code }) {
			once = append(once, e)
		}
	}
	return once
}

func codesIn(text string, score float64) []Explanation {
	var list []Explanation
	for _, c := range sip.LookupCode(text) {
		list = append(list, explainSIP(c, score))
	}
	for _, c := range adfs.LookupCode(text) {
		list = append(list, explainToken(c, score))
	}
	return list
}

func explainSIP(c sip.Code, score float64) Explanation {
	if c.Fallback {
		score = min(score, scoreRange)
	}
	e := Explanation{Kind: c.Kind, Code: c.Code, Text: cmp.Or(c.Name, c.Meaning), Score: score}
	if c.Name != "" {
		e.Cause = c.Meaning
	}
	for _, t := range []kb.Type{kb.Client, kb.Network, kb.Identity, kb.Service} {
		if c.Category == t.Label() {
			e.Type = string(t)
		}
	}
	if c.Remedy != "" {
		e.Resolution = []string{c.Remedy}
	}
	if !strings.HasPrefix(c.Source, "unsourced") {
		e.References = []string{c.Source}
	}
	e.attach(findingOf(c))
	return e
}

// findingOf is the finding that a failed REGISTER with this code would give,
// "" where the code alone does not say.
func findingOf(c sip.Code) string {
	attempt := sip.Attempt{Outcome: "failed"}
	switch c.Kind {
	case "sip-status":
		attempt.FinalStatus, _ = strconv.Atoi(c.Code)
	case "ms-diagnostics":
		id, _ := strconv.Atoi(c.Code)
		attempt.Diagnostics = []sip.Diagnostic{{ID: id}}
	}
	class := attempt.Class()
	attempt.Scheme = "TLS-DSK"
	name := classFindings[class]
	switch {
	case class != attempt.Class(): // password or personal certificate
		return ""
	case attempt.FinalStatus == 504: // the address or the servers
		return ""
	case name == "sip-register-refused":
		return codeFindings[c.Code]
	}
	return name
}

func explainToken(c adfs.Code, score float64) Explanation {
	e := Explanation{Kind: c.Kind, Code: c.Code, Text: c.Meaning, Type: c.Category, References: []string{c.Source}, Score: score}
	if symbol, meaning, ok := strings.Cut(c.Meaning, ": "); ok && !strings.Contains(symbol, " ") {
		e.Text, e.Cause = symbol, meaning
	}
	e.attach(codeFindings[c.Code])
	return e
}

package lyncdiag

import (
	"slices"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// Visit is one step of the article's identity tree in one case.
type Visit struct {
	Step     int
	ID       string // of the question
	Question string
	Answer   string    // yes, no or unknown
	From     fact.Kind // where the answer comes from; "" when unknown
	Where    string    // file and object that tell it; "" for the network and for a person
	Reached  bool      // false: answered by evidence, but the walk stopped before it
}

// deriveReads are the facts that derive looks at.
var deriveReads = slices.Concat(names(fact.AnswersKey, fact.RealmKey, fact.MEXKey, fact.StartedKey, fact.AttemptsKey,
	fact.DirectoryDomainsKey, fact.OrganizationKey, fact.ServiceHealthKey, fact.ServerTestsKey), accountReads, deploymentReads)

// derive answers a question of the article: from what was seen where the
// network can tell, else from what a person said.
func derive(f *fact.Facts, id string) (answer string, from fact.Kind) {
	answer, o := deriveFrom(f, id)
	return answer, o.Kind
}

// deriveFrom is derive that says where the answer stands, too.
func deriveFrom(f *fact.Facts, id string) (string, fact.Origin) {
	if answer, o := observed(f, id); answer != "" {
		return answer, o
	}
	for _, say := range []func(*fact.Facts, string) string{said, implied} {
		if answer := say(f, id); answer != "" {
			return answer, fact.Origin{Kind: fact.Interview}
		}
	}
	return "unknown", fact.Origin{}
}

// said is a person's last word on a question, "" when there is none.
func said(f *fact.Facts, id string) string {
	for _, list := range fact.All(f, fact.AnswersKey) {
		for _, a := range slices.Backward(list) {
			if a.ID == id && a.Value != "" && a.Value != "unknown" {
				return a.Value
			}
		}
	}
	return ""
}

// implied answers what another answer says already: that Lync refuses the user
// and the portal does not is a row of the scoping table, and step 1's Yes.
func implied(f *fact.Facts, id string) string {
	switch id {
	case "symptom":
		if said(f, "portal-sign-in") == "yes" {
			return "lync"
		}
	case "portal-sign-in":
		// That the portal refuses the user too ends step 1 only on a person's
		// word: on one computer the scoping table blames the client.
		if said(f, "symptom") == "lync" {
			return "yes"
		}
	}
	return ""
}

// observed answers the questions that evidence can: what was probed, then what
// the directory says now, then what a log shows of earlier.
func observed(f *fact.Facts, id string) (string, fact.Origin) {
	for _, look := range []func(*fact.Facts, string) (string, fact.Origin){fromProbes, fromDirectory, fromLogs} {
		if answer, o := look(f, id); answer != "" {
			return answer, o
		}
	}
	return "", fact.Origin{}
}

// fromProbes answers the questions that a probe can: is the user's domain
// federated (step 4), and is its MEX document to be had (step 8). Step 8 is
// "no" when GET or SOAP POST fails, although the article's browser sees only
// GET.
func fromProbes(f *fact.Facts, id string) (string, fact.Origin) {
	switch id {
	case "sso":
		if realm, o, ok := fact.Get(f, fact.RealmKey); ok && realm.Problem == "" {
			switch realm.NamespaceType {
			case "federated":
				return "yes", o
			case "managed":
				return "no", o
			}
		}
	case "mex-in-browser":
		if mex, o, ok := fact.Get(f, fact.MEXKey); ok && mex.Get.Asked && mex.Post.Asked {
			switch {
			case mex.Get.Problem == "" && mex.Post.Problem == "":
				return "yes", o
			case mex.Get.Status > 0 && mex.Get.Problem != "", mex.Post.Status > 0 && mex.Post.Problem != "":
				return "no", o
			}
		}
	}
	return "", fact.Origin{}
}

// Walk follows the article's identity tree as far as the answers among the
// facts go. end is where it ends, the zero Edge while it waits for an answer;
// ask are the ids of the questions that it waits for, or whose answers would
// say more about its end.
func Walk(f *fact.Facts) (path []Visit, end kb.Edge, ask []string) {
	path, end, ask = walkTree(f)
	if end.Finding == "" {
		end = kb.Edge{}
	}
	return path, end, ask
}

// walkTree follows the article's tree as far as the answers go. Later steps
// that are answered all the same come last, not reached.
func walkTree(f *fact.Facts) (path []Visit, end kb.Edge, ask []string) {
	tree := kb.Tree()
	var aside []string
	next := 1
	for next != 0 {
		step := tree[next-1]
		answer, from := deriveFrom(f, step.ID)
		path = append(path, visit(f, step, answer, from, true))
		switch answer {
		case "yes":
			end = resolve(f, step.Yes)
		case "no":
			end = resolve(f, step.No)
		default:
			end, ask = kb.Edge{}, []string{step.ID}
		}
		next = end.Next
		for _, id := range end.Ask {
			switch {
			case answered(f, id) != "unknown":
			case next == 0:
				ask = append(ask, id)
			case from.Kind == fact.Interview: // who may not know how old the licence is
				aside = append(aside, id)
			}
		}
	}
	for _, step := range tree {
		if slices.ContainsFunc(path, func(v Visit) bool { return v.Step == step.Number }) {
			continue
		}
		if answer, from := deriveFrom(f, step.ID); answer == "yes" || answer == "no" {
			path = append(path, visit(f, step, answer, from, false))
		}
	}
	if answered(f, "other-sso-user") != "no" { // else it is not this user's licence
		ask = append(aside, ask...)
	}
	return path, end, ask
}

// visit is a step with its answer. Whether the organization synchronizes, an
// object of one user that is not synchronized does not tell; it tells what the
// step is about, and is shown as an answer to that.
func visit(f *fact.Facts, step kb.Step, answer string, from fact.Origin, reached bool) Visit {
	question := step.Question
	if o10n, _ := organizationSync(f); step.ID == "directory-sync" && answer == "no" && from.Kind == fact.Directory && o10n == "" {
		question = "Is the user's own object synchronized from an on-premises Active Directory?"
	}
	return Visit{step.Number, step.ID, question, answer, from.Kind, from.Where, reached}
}

// resolve takes the first case of an edge that holds.
func resolve(f *fact.Facts, e kb.Edge) kb.Edge {
	for _, c := range e.Cases {
		if !slices.ContainsFunc(c.When, func(condition string) bool { return !holds(f, condition) }) {
			return resolve(f, c)
		}
	}
	return e
}

// holds reads a condition "question=answer".
func holds(f *fact.Facts, condition string) bool {
	for i := range condition {
		if condition[i] == '=' {
			return answered(f, condition[:i]) == condition[i+1:]
		}
	}
	return false
}

func answered(f *fact.Facts, id string) string {
	answer, _ := derive(f, id)
	if id != "licence-assigned-at" || answer == "unknown" {
		return answer
	}
	at, err := parseTime(answer)
	if err != nil {
		return "unknown"
	}
	started, _, ok := fact.Get(f, fact.StartedKey)
	switch {
	case !ok, ahead(f, at):
		return "unknown"
	case started.Sub(at) < licenceWait:
		return "recent"
	}
	return "older"
}

// licenceWait is the article's step 2: "wait at least 30 minutes".
const licenceWait = 30 * time.Minute

// parseTime reads the forms that kb.CheckAnswer accepts. A time without a zone
// is this computer's.
func parseTime(value string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return t, nil
	}
	return time.ParseInLocation("2006-01-02 15:04", value, time.Local)
}

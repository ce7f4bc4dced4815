package kb

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTreeIsWellFormed(t *testing.T) {
	questions := map[string]Question{}
	for _, q := range Questions() {
		questions[q.ID] = q
	}
	sections := map[string]bool{}
	for _, s := range Sections() {
		sections[s.ID] = true
	}
	steps := Tree()
	if len(steps) != 8 {
		t.Fatalf("%d steps, want 8", len(steps))
	}
	var check func(where string, number int, e Edge)
	check = func(where string, number int, e Edge) {
		// Only forward, so there is no cycle whatever is answered.
		if e.Next != 0 && (e.Next <= number || e.Next > len(steps)) {
			t.Errorf("%s: goes from %d to %d", where, number, e.Next)
		}
		if e.Next != 0 && e.Finding != "" {
			t.Errorf("%s: goes on and ends", where)
		}
		if e.Next == 0 && e.Finding == "" && len(e.Ask) == 0 {
			t.Errorf("%s: leads nowhere", where)
		}
		if e.Section != "" && !sections[e.Section] {
			t.Errorf("%s: no section %q", where, e.Section)
		}
		if e.Text == "" {
			t.Errorf("%s: no text", where)
		}
		if e.Source.KB != "KB2541980" || e.Source.Section == "" || e.Source.Item == "" {
			t.Errorf("%s: source %+v", where, e.Source)
		}
		for _, id := range e.Ask {
			if _, ok := questions[id]; !ok {
				t.Errorf("%s: no question %q", where, id)
			}
		}
		for _, c := range e.Cases {
			if len(c.When) == 0 {
				t.Errorf("%s: a case without a condition hides the ones after it", where)
			}
			for _, w := range c.When {
				id, value, _ := strings.Cut(w, "=")
				if !slices.Contains(e.Ask, id) {
					t.Errorf("%s: decides by %q without asking", where, id)
				}
				if id == "licence-assigned-at" {
					if value != "recent" && value != "older" {
						t.Errorf("%s: condition %q", where, w)
					}
				} else if !slices.Contains(questions[id].Choices, value) {
					t.Errorf("%s: condition %q is no answer", where, w)
				}
			}
			check(where+" ["+strings.Join(c.When, " ")+"]", number, c)
		}
	}
	for i, s := range steps {
		if s.Number != i+1 {
			t.Errorf("step %d has number %d", i+1, s.Number)
		}
		q, ok := questions[s.ID]
		if !ok || !slices.Equal(q.Choices, []string{"yes", "no", "unknown"}) {
			t.Errorf("step %d: question %q is not answered by yes or no", s.Number, s.ID)
		}
		check(s.ID+" yes", s.Number, s.Yes)
		check(s.ID+" no", s.Number, s.No)
	}
}

// walk follows the tree with plain answers, as a reader of the data would.
func walk(answers map[string]string) (path []int, end Edge) {
	for number := 1; number != 0; {
		s := Tree()[number-1]
		path = append(path, number)
		switch answers[s.ID] {
		case "yes":
			end = s.Yes
		case "no":
			end = s.No
		default:
			return path, Edge{Ask: []string{s.ID}}
		}
		for _, c := range end.Cases {
			holds := true
			for _, w := range c.When {
				id, value, _ := strings.Cut(w, "=")
				holds = holds && answers[id] == value
			}
			if holds {
				end = c
				break
			}
		}
		number = end.Next
	}
	return path, end
}

func TestTreeEnds(t *testing.T) {
	for _, test := range []struct {
		answers string
		path    int // number of the step it ends at
		finding string
		section string
		ask     string
	}{
		{"", 1, "", "", "portal-sign-in"},
		{"portal-sign-in=no", 1, "portal-sign-in-fails", "", ""},
		{"portal-sign-in=yes", 2, "", "", "licensed"},
		{"portal-sign-in=yes licensed=no", 2, "user-not-licensed", "", ""},
		{"portal-sign-in=yes licensed=yes", 3, "", "", "directory-sync"},
		{"portal-sign-in=yes licensed=yes licence-assigned-at=recent", 2, "user-licence-pending", "", ""},
		{"portal-sign-in=yes licensed=yes licence-assigned-at=recent listed-in-admin-center=no", 2, "user-licence-pending", "", ""},
		{"portal-sign-in=yes licensed=yes licence-assigned-at=recent listed-in-admin-center=yes", 3, "", "", "directory-sync"},
		{"portal-sign-in=yes licensed=yes licence-assigned-at=older listed-in-admin-center=no", 2, "user-not-provisioned", "", ""},
		{"portal-sign-in=yes licensed=yes licence-assigned-at=older", 3, "", "", "directory-sync"},
		{"portal-sign-in=yes licensed=yes listed-in-admin-center=no", 2, "", "", "licence-assigned-at"},
		{"portal-sign-in=yes licensed=yes directory-sync=yes", 3, "", "", "sip-enabled"},
		{"portal-sign-in=yes licensed=yes directory-sync=yes sip-enabled=no", 3, "user-sip-not-enabled", "", ""},
		{"portal-sign-in=yes licensed=yes directory-sync=yes sip-enabled=yes", 4, "", "", "sso"},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=no", 4, "client-side-suspected", "client", "client-steps-done"},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=no client-steps-done=yes", 4, "escalate", "next-steps", ""},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=yes other-sso-user=yes", 5, "single-user-identity", "client", "client-steps-done"},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=yes other-sso-user=yes client-steps-done=yes", 5, "single-user-identity", "next-steps", ""},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=yes other-sso-user=no non-sso-user=no", 6, "service-outage-suspected", "dns-network", "service-health"},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=yes other-sso-user=no non-sso-user=no service-health=no", 6, "service-outage-suspected", "", ""},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=yes other-sso-user=no non-sso-user=yes rich-client=no", 7, "rich-client-authentication", "", ""},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=yes other-sso-user=no non-sso-user=yes rich-client=yes mex-in-browser=no", 8, "rich-client-authentication", "", ""},
		{"portal-sign-in=yes licensed=yes directory-sync=no sso=yes other-sso-user=no non-sso-user=yes rich-client=yes mex-in-browser=yes", 8, "escalate", "next-steps", ""},
	} {
		answers := map[string]string{}
		for _, a := range strings.Fields(test.answers) {
			id, value, _ := strings.Cut(a, "=")
			answers[id] = value
		}
		path, end := walk(answers)
		if path[len(path)-1] != test.path || end.Finding != test.finding || end.Section != test.section || strings.Join(end.Ask, " ") != test.ask {
			t.Errorf("%q: ends at %v with finding %q, section %q, ask %q", test.answers, path, end.Finding, end.Section, end.Ask)
		}
	}
}

func TestProvisioningTimeIsTheArticles(t *testing.T) {
	if !strings.Contains(packed(shared(t, "seed/kb2541980.txt")), packed("wait at least 30 minutes")) {
		t.Error("the article does not speak of 30 minutes")
	}
	for _, e := range allEdges() {
		if e.Wait != 0 && e.Wait != 30*time.Minute {
			t.Errorf("%s: waits %v", e.Source.Item, e.Wait)
		}
	}
}

func TestExperiment(t *testing.T) {
	for _, test := range []struct {
		automatic, manual bool
		finding, section  string
	}{
		{true, true, "", "identity"},
		{true, false, "manual-address-blocked", ""},
		{false, true, "dns-autoconfiguration-broken", "dns-network"},
		{false, false, "firewall-blocks-lync-online", "dns-network"},
	} {
		e := Experiment(test.automatic, test.manual)
		if e.Finding != test.finding || e.Section != test.section || e.Text == "" {
			t.Errorf("automatic %v, manual %v: %+v", test.automatic, test.manual, e)
		}
	}
	if e := Experiment(false, true); !strings.Contains(e.Text, "does not resolve the issue") {
		t.Errorf("manual configuration is made a resolution: %q", e.Text)
	}
}

func TestCheckAnswer(t *testing.T) {
	for _, test := range []struct {
		id, value string
		want      string // part of the error, "" for none
	}{
		{"licensed", "yes", ""},
		{"licensed", "unknown", ""},
		{"licensed", "maybe", "yes, no or unknown"},
		{"licensed", "", "yes, no or unknown"},
		{"symptom", "both", ""},
		{"symptom", "yes", "portal, lync, both or unknown"},
		{"users", "many", ""},
		{"computers", "2", "one, many or unknown"},
		{"location", "inside", ""},
		{"message", "The server is not responding", ""},
		{"message", " \n", "empty"},
		{"licence-assigned-at", "2013-05-31T14:05:00Z", ""},
		{"licence-assigned-at", "2013-05-31T14:05:00+02:00", ""},
		{"licence-assigned-at", "2013-05-31 14:05", ""},
		{"licence-assigned-at", "unknown", ""},
		{"licence-assigned-at", "yesterday", "2006-01-02 15:04"},
		{"licenced", "yes", `did you mean "licensed"`},
		{"liscensed", "yes", `did you mean "licensed"`},
		{"portal_sign_in", "yes", `did you mean "portal-sign-in"`},
		{"sos", "yes", `did you mean "sso"`},
		{"mex-in-broswer", "yes", `did you mean "mex-in-browser"`},
		{"weather", "yes", "want one of symptom, users"},
		{"", "yes", "want one of"},
		{strings.Repeat("licensed", 1<<16), "yes", "want one of"},
	} {
		err := CheckAnswer(test.id, test.value)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s=%s: %v", test.id, test.value, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%.40s=%s: error %.200v, want %q in it", test.id, test.value, err, test.want)
		}
	}
}

// The ids are a contract: cli.md lists them.
func TestQuestionsAreTheContracts(t *testing.T) {
	contract := shared(t, "design/cli.md")
	_, ids, _ := strings.Cut(contract, "with ids `")
	ids, _, _ = strings.Cut(ids, "`")
	want := strings.Fields(ids)
	var got []string
	for _, q := range Questions() {
		got = append(got, q.ID)
		if q.Text == "" || q.Why == "" || q.Help == "" {
			t.Errorf("%s: a text is missing", q.ID)
		}
		for _, c := range q.Choices {
			if err := CheckAnswer(q.ID, c); err != nil {
				t.Error(err)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("questions %v, the contract has %v", got, want)
	}
}

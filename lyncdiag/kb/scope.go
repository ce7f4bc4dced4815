package kb

import "strings"

// Symptom says which sign-in fails, the row of the article's scoping table:
// "portal" (the Office 365 portal), "lync" (Lync Online, while the portal
// works) or "both". "" is not known.
type Symptom string

const (
	portal Symptom = "portal"
	lync   Symptom = "lync"
	both   Symptom = "both"
)

// Spread says how far a problem reaches, half of a column of the scoping table:
// "one" or "many" users or computers. "" is not known.
type Spread string

const (
	one  Spread = "one"
	many Spread = "many"
)

// ScopeType is what a cell of the scoping table names: a [Type], or [AzureAD],
// which the article keeps apart there and files under Identity/authentication
// everywhere else.
type ScopeType string

// AzureAD is Windows Azure Active Directory. Identity findings and an
// unreachable login service are what it looks like from here.
const AzureAD ScopeType = "azure-ad"

// Label is the scope type in the article's words, for people.
func (t ScopeType) Label() string {
	switch t {
	case ScopeType(Identity):
		// The scoping table says "Identity", the Type column
		// "Identity/authentication".
		return "Identity"
	case AzureAD:
		return "Windows Azure AD"
	}
	return Type(t).Label()
}

// scopeOrder is the order in which a union of cells is given.
func scopeOrder() []ScopeType {
	return []ScopeType{ScopeType(Client), ScopeType(Network), ScopeType(Identity), AzureAD, ScopeType(Service)}
}

// ScopeCell is one cell of the article's scoping table.
type ScopeCell struct {
	Symptom   Symptom
	Users     Spread
	Computers Spread
	Types     []ScopeType // in the order client, network, identity, azure-ad, service
	Printed   string      // the cell as the article prints it
	Source    Citation
}

const scopeSection = "Scope the sign-in problem"

// ScopeTable is the scoping table of KB 2541980, "Scope the sign-in problem":
// three symptoms by four columns, row by row as printed.
func ScopeTable() []ScopeCell {
	const (
		printedClient  = "Client issue"
		printedAzureAD = "Identity or Windows Azure AD issue"
	)
	client := []ScopeType{ScopeType(Client)}
	identity := []ScopeType{ScopeType(Identity), AzureAD}
	cells := []ScopeCell{
		{Symptom: portal, Users: one, Computers: one, Types: client, Printed: printedClient},
		{Symptom: portal, Users: one, Computers: many, Types: identity, Printed: "Identity or Windows Azure Active Directory (Windows Azure AD) issue"},
		{Symptom: portal, Users: many, Computers: one, Types: client, Printed: printedClient},
		{Symptom: portal, Users: many, Computers: many, Types: identity, Printed: printedAzureAD},

		{Symptom: lync, Users: one, Computers: one, Types: client, Printed: printedClient},
		{Symptom: lync, Users: one, Computers: many, Types: []ScopeType{ScopeType(Network), ScopeType(Service)}, Printed: "Network or Lync Online service issue"},
		{Symptom: lync, Users: many, Computers: one, Types: client, Printed: printedClient},
		{Symptom: lync, Users: many, Computers: many, Types: []ScopeType{ScopeType(Network), AzureAD, ScopeType(Service)}, Printed: "Network, Lync Online service or Windows Azure AD issue"},

		{Symptom: both, Users: one, Computers: one, Types: client, Printed: printedClient},
		{Symptom: both, Users: one, Computers: many, Types: identity, Printed: printedAzureAD},
		{Symptom: both, Users: many, Computers: one, Types: client, Printed: printedClient},
		{Symptom: both, Users: many, Computers: many, Types: identity, Printed: printedAzureAD},
	}
	for i := range cells {
		c := &cells[i]
		c.Source = article(scopeSection, string(c.Symptom)+", "+string(c.Users)+" user, "+string(c.Computers)+" computer")
		// Cells share the slices above; a caller who changes one must not
		// change its neighbours.
		c.Types = append([]ScopeType(nil), c.Types...)
	}
	return cells
}

// Scope reads the scoping table: the types of problem that are left, in the
// order client, network, identity, azure-ad, service. An argument that is ""
// stands for every value, and the answer is the union of the cells; a value
// the table does not have leaves nothing.
func Scope(s Symptom, users, computers Spread) []ScopeType {
	left := map[ScopeType]bool{}
	for _, c := range ScopeTable() {
		if (s == "" || c.Symptom == s) && (users == "" || c.Users == users) && (computers == "" || c.Computers == computers) {
			for _, t := range c.Types {
				left[t] = true
			}
		}
	}
	var types []ScopeType
	for _, t := range scopeOrder() {
		if left[t] {
			types = append(types, t)
		}
	}
	return types
}

// Statement puts a reading of the scoping table into a sentence, in the manner
// of the article's own example ("A single user can't sign in to the Office 365
// portal from multiple computers. This is usually caused by ..."), and names
// what is not known yet. It is "" for values the table does not have.
func Statement(s Symptom, users, computers Spread) string {
	types := Scope(s, users, computers)
	if len(types) == 0 {
		return ""
	}
	who := map[Spread]string{"": "Somebody", one: "A single user", many: "More than one user"}[users]
	what := map[Symptom]string{
		"":     "sign in",
		portal: "sign in to the Office 365 portal",
		lync:   "sign in to Lync Online, although the Office 365 portal works,",
		both:   "sign in to either the Office 365 portal or Lync Online",
	}[s]
	where := map[Spread]string{"": "", one: " on one computer only", many: " on more than one computer"}[computers]

	names := make([]string, len(types))
	for i, t := range types {
		names[i] = map[ScopeType]string{
			ScopeType(Client):   "the client",
			ScopeType(Network):  "the network",
			ScopeType(Identity): "the user's identity",
			AzureAD:             "Windows Azure AD",
			ScopeType(Service):  "the Lync Online service",
		}[t]
	}
	sentence := who + " can't " + strings.TrimSuffix(what+where, ",") + ". This is usually caused by " + join(names, "or") + "."

	var open []string
	if s == "" {
		open = append(open, "which sign-in fails")
	}
	if users == "" {
		open = append(open, "how many users are affected")
	}
	if computers == "" {
		open = append(open, "how many computers are affected")
	}
	if len(open) > 0 {
		sentence += " Not known yet: " + join(open, "and") + "."
	}
	return sentence
}

// join writes "a, b or c".
func join(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// article cites KB 2541980.
func article(section, item string) Citation {
	return Citation{KB: "KB2541980", Section: section, Item: item}
}

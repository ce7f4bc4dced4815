package directory

import (
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// held is a licence of a user by the name or id of its SKU. off are the plans
// turned off in it; offKnown: those are all.
type held struct {
	sku      string
	off      []string
	offKnown bool
}

// subscription is what a SKU of the tenant holds for Lync.
type subscription struct {
	plans     []string // those for sign-in
	known     bool     // there are no others
	unknown   []string // those that may be for sign-in
	suspended bool
}

// sku reads a subscription of the tenant.
func (x *export) sku(n *node, _ string) bool {
	var s subscription
	// A tally of nobody tells which plans are in it.
	t := &tally{user: &fact.DirectoryUser{}}
	services, lost := n.get("serviceplans", "servicestatus").elements()
	for _, service := range services {
		t.service(service)
	}
	s.known, s.unknown = !lost && !t.doubts, t.user.UnknownPlans
	for _, p := range t.user.Plans {
		s.plans = append(s.plans, p.Name)
	}
	switch strings.ToLower(n.get("capabilitystatus").str()) {
	case "suspended", "lockedout", "deleted":
		s.suspended = true
	}
	x.keep(s.unknown...)
	for _, name := range []string{"skuid", "skupartnumber", "accountskuid"} {
		if id := strings.ToLower(n.get(name).str()); id != "" {
			x.keep(id)
			x.skus[id] = s
		}
	}
	return true
}

// holds notes which SKUs a user has.
func holds(n *node) (list []held) {
	licences, lost := n.get("assignedlicenses").elements()
	for _, l := range licences {
		off := l.get("disabledplans")
		ids, cut := off.words()
		for i, id := range ids {
			ids[i], _, _ = plan("", id)
		}
		list = append(list, held{strings.ToLower(l.get("skuid").str()), ids, !cut && !lost})
	}
	licences, _ = n.get("licenses").elements()
	for _, l := range licences {
		list = append(list, held{sku: strings.ToLower(l.get("accountskuid").str())})
	}
	return list
}

// complete tells a user's plans from the SKUs, where the user's own export
// names only those.
func complete(u fact.DirectoryUser, licences []held, skus map[string]subscription) fact.DirectoryUser {
	if u.PlansKnown || len(licences) == 0 {
		return u
	}
	u.Plans, u.UnknownPlans = slices.Clone(u.Plans), slices.Clone(u.UnknownPlans)
	t := &tally{user: &u}
	for _, l := range licences {
		s, ok := skus[l.sku]
		if !ok {
			return u
		}
		t.doubts = t.doubts || !s.known
		for _, name := range s.unknown {
			t.unknown(name)
		}
		for _, p := range s.plans {
			switch {
			case slices.Contains(l.off, p):
				t.add(fact.LyncPlan{Name: p, Status: "disabled"})
			case !l.offKnown:
				t.doubts = true
			case s.suspended:
				t.add(fact.LyncPlan{Name: p, Status: "suspended"})
			default:
				t.add(fact.LyncPlan{Name: p, Status: "assigned"})
			}
		}
	}
	if !t.doubts || len(u.UnknownPlans) > 0 {
		u.PlansKnown = !t.doubts
		u.Lost = slices.DeleteFunc(slices.Clone(u.Lost), func(l fact.Loss) bool { return aboutLicences(l.Property) })
	}
	return u
}

func aboutLicences(property string) bool {
	return slices.Contains([]string{"licences", "Licenses", "Licenses.ServiceStatus", "ServicePlan", "AssignedPlans"}, property)
}

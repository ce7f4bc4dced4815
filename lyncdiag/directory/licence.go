package directory

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// signInPlans are the service plans that let a user sign in to Lync Online,
// by their ids. MCOEV, MCOPSTN*, MCOMEETADV and others add to one of them.
var signInPlans = map[string]string{
	"0feaeb32-d00e-4d66-bd5a-43b5b83db82c": "MCOSTANDARD",
	"a31ef4a2-f787-435e-8335-e47eb0cafc94": "MCOSTANDARD_GOV",
	"b2669e95-76ef-4e7e-a367-002f60a39f3e": "MCOSTANDARD_MIDMARKET",
	"afc06cb0-b4f4-4473-8286-d644f70d8faf": "MCOIMP",
	"70710b6b-3ab4-4a38-9f6d-9f169461650a": "MCOLITE",
}

// addOnPlans are plans of the same service that let nobody sign in by
// themselves, addOns the beginnings of the names of such.
var (
	addOnPlans = []string{"4828c8ec-dc2e-4779-b502-87ac9ce28ab7", "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40"}
	addOns     = []string{"MCOEV", "MCOPSTN", "MCOMEET", "MCOPLUS", "MCOCAP", "MCOVOICE", "MCO_TEAMS", "MCO_VIRTUAL"}
)

// communicationsOnline is Lync Online as assigned plans name it.
const communicationsOnline = "MicrosoftCommunicationsOnline"

// plan is what a plan is to Lync.
func plan(name, id string) (called string, signIn, known bool) {
	if called, ok := signInPlans[strings.ToLower(id)]; ok {
		return called, true, true
	}
	upper := strings.ToUpper(name)
	switch {
	case slices.Contains(addOnPlans, strings.ToLower(id)):
		return "", false, true
	case !strings.HasPrefix(upper, "MCO"):
		return "", false, name != ""
	case slices.ContainsFunc(addOns, func(p string) bool { return strings.HasPrefix(upper, p) }):
		return "", false, true
	case slices.ContainsFunc([]string{"MCOSTANDARD", "MCOIMP", "MCOLITE", "MCOFREE"}, func(p string) bool { return strings.HasPrefix(upper, p) }):
		return upper, true, true
	}
	return "", false, false
}

// tally is what the licences of one user come to.
type tally struct {
	user   *fact.DirectoryUser
	seen   bool // there was a list of licences or plans, if an empty one
	doubts bool // something of it is lost, or means nothing known
}

// licences reads a user's licences as each cmdlet has them.
func licences(n *node, cmdlet string, u *fact.DirectoryUser) {
	t := &tally{user: u}
	u.Licensed = tells("IsLicensed", n.get("islicensed"), "yes", "no")
	t.online(n.get("licenses"))
	t.assigned(n)
	if cmdlet == "Get-CsOnlineUser" {
		if plans, _ := n.get("assignedplan").elements(); len(plans) > 0 {
			t.plans("AssignedPlan", n.get("assignedplan"))
		}
	}
	u.PlansKnown = t.seen && !t.doubts || u.Licensed.Answer == "no"
	if u.Licensed.Answer == "" && len(u.Plans) > 0 {
		u.Licensed = fact.Attribute{Answer: "yes", By: u.Plans[0].Name}
	}
	useful := slices.ContainsFunc(u.Plans, func(p fact.LyncPlan) bool { return p.Status != "disabled" })
	if !u.PlansKnown && !useful && (cmdlet == "Get-MsolUser" || cmdlet == "Get-MgUser") && len(u.Lost)+len(u.UnknownPlans) == 0 {
		lose(&u.Lost, "licences", "not in the export; the cmdlet leaves them out unless they are asked for")
	}
}

func (t *tally) lose(name string, v *node) {
	t.doubts = true
	lose(&t.user.Lost, name, lossOf(v))
}

// unknown notes a plan that may be one for sign-in.
func (t *tally) unknown(name string) {
	t.doubts = true
	if !slices.Contains(t.user.UnknownPlans, name) && len(t.user.UnknownPlans) < 20 {
		t.user.UnknownPlans = append(t.user.UnknownPlans, name)
	}
}

// add notes a plan. A better status of the same plan goes before a worse one:
// one licence may turn off what another one gives.
func (t *tally) add(p fact.LyncPlan) {
	rank := func(status string) int {
		return slices.Index([]string{"provisioned", "assigned", "pending", "", "error", "suspended", "disabled"}, status)
	}
	for i, old := range t.user.Plans {
		if old.Name != p.Name {
			continue
		}
		if rank(p.Status) < rank(old.Status) {
			t.user.Plans[i].Status = p.Status
		}
		if old.AssignedAt.IsZero() {
			t.user.Plans[i].AssignedAt = p.AssignedAt
		}
		return
	}
	t.user.Plans = append(t.user.Plans, p)
}

// online reads Licenses of Get-MsolUser.
func (t *tally) online(v *node) {
	if v.is(absent) {
		return
	}
	if strings.EqualFold(v.str(), "Unlicensed") { // of the administration center
		t.seen, t.user.Licensed = true, fact.Attribute{Answer: "no", By: "Licenses Unlicensed"}
		return
	}
	items, lost := v.elements()
	if lost {
		t.lose("Licenses", v)
		return
	}
	if v.is(null) && t.user.Licensed.Answer != "no" {
		return // an empty cell of a table says nothing
	}
	if len(items) == 0 && t.user.Licensed.Answer == "yes" {
		t.doubts = true
		lose(&t.user.Lost, "Licenses", "empty, while IsLicensed is True")
		return
	}
	t.seen = true
	for _, licence := range items {
		status := licence.get("servicestatus")
		services, lost := status.elements()
		if lost || !status.is(list) && !status.is(object) {
			t.lose("Licenses.ServiceStatus", firstOf(status, licence))
			continue
		}
		for _, s := range services {
			t.service(s)
		}
	}
}

func firstOf(nodes ...*node) *node {
	for _, n := range nodes {
		if !n.is(absent) {
			return n
		}
	}
	return nil
}

// service reads a ServiceStatus of Get-MsolUser, or a plan of
// Get-MgUserLicenseDetail.
func (t *tally) service(s *node) {
	p := s.get("serviceplan")
	name := s.get("serviceplanname").str()
	switch {
	case p.is(object):
		name = p.get("servicename").str()
	case p.is(scalar) && !strings.ContainsAny(p.text, " .@{"):
		name = p.text
	}
	id := s.get("serviceplanid").str()
	if name == "" && id == "" {
		t.lose("ServicePlan", firstOf(p, s))
		return
	}
	called, signIn, known := plan(name, id)
	if !known {
		t.unknown(cmp.Or(name, id))
	}
	if !signIn {
		return
	}
	status := s.get("provisioningstatus")
	t.add(fact.LyncPlan{Name: called, Status: provisioned(status.enumeration(provisioning...))})
}

// provisioned puts a provisioning status into few words.
func provisioned(status string) string {
	switch {
	case status == "success":
		return "provisioned"
	case strings.HasPrefix(status, "pending"):
		return "pending"
	case status == "disabled", status == "error":
		return status
	}
	return ""
}

// assigned reads assignedLicenses, assignedPlans and provisionedPlans of
// Get-MgUser, which lacks them unless they are asked for.
func (t *tally) assigned(n *node) {
	licences, plans := n.get("assignedlicenses"), n.get("assignedplans")
	// The default answer of the service has neither these nor accountEnabled.
	asked := n.get("accountenabled").answer() != ""
	held, lost := licences.elements()
	switch {
	case lost:
		t.lose("AssignedLicenses", licences)
	case licences.is(list) && len(held) == 0 && asked && t.user.Licensed.Answer == "":
		t.user.Licensed = fact.Attribute{Answer: "no", By: "AssignedLicenses is empty"}
		// So it is where only accountEnabled was asked for, unless there are
		// others of what tells licences.
		states, _ := n.get("licenseassignmentstates").elements()
		deleted, _ := plans.elements()
		t.user.Presumed = len(states)+len(deleted) == 0
	case len(held) > 0:
		t.user.Licensed = fact.Attribute{Answer: "yes", By: "AssignedLicenses"}
	}
	for _, licence := range held {
		if licence.is(dropped) {
			t.lose("AssignedLicenses", licence)
			continue
		}
		off := licence.get("disabledplans")
		ids, cut := off.words()
		if cut {
			t.lose("AssignedLicenses.DisabledPlans", off)
		}
		for _, id := range ids {
			if called, signIn, _ := plan("", id); signIn {
				t.add(fact.LyncPlan{Name: called, Status: "disabled"})
			}
		}
	}
	if _, lost := plans.elements(); lost {
		t.lose("AssignedPlans", plans)
		return
	}
	if plans.is(list) && (len(plans.items) > 0 || t.user.Licensed.Answer == "no") || plans.is(object) {
		t.plans("AssignedPlans", plans)
	}
	t.provisionedPlans(n.get("provisionedplans"))
}

// plans reads assigned plans. Those of a licence that was taken away, or that
// are turned off in one, stay in the list as deleted.
func (t *tally) plans(name string, v *node) {
	items, _ := v.elements()
	t.seen = true
	for _, item := range items {
		id := item.get("serviceplanid").str()
		if !item.is(object) || id == "" {
			t.lose(name, item)
			continue
		}
		called, signIn, known := plan("", id)
		if !signIn {
			// A plan of the service that has no name here may be one for sign-in.
			if !known && strings.EqualFold(item.get("service").str(), communicationsOnline) {
				t.unknown(id)
			}
			continue
		}
		p := fact.LyncPlan{Name: called, AssignedAt: item.get("assigneddatetime", "assignedtimestamp").time()}
		switch strings.ToLower(item.get("capabilitystatus").str()) {
		case "enabled", "warning":
			p.Status = "assigned"
		case "suspended", "lockedout":
			p.Status = "suspended"
		case "deleted":
			continue
		}
		t.add(p)
	}
}

// provisionedPlans tells how far the service is with what is assigned.
func (t *tally) provisionedPlans(v *node) {
	items, _ := v.elements()
	status := ""
	for _, item := range items {
		if !strings.EqualFold(item.get("service").str(), communicationsOnline) || strings.EqualFold(item.get("capabilitystatus").str(), "deleted") {
			continue
		}
		switch s := provisioned(strings.ToLower(item.get("provisioningstatus").str())); {
		case s == "provisioned" || status == "":
			status = s
		}
	}
	for i := range t.user.Plans {
		if p := &t.user.Plans[i]; p.Status == "assigned" && (status == "provisioned" || status == "pending" || status == "error") {
			p.Status = status
		}
	}
}

// licence reads one SKU of one user, as Get-MgUserLicenseDetail has them: the
// SKUs of a user are one record.
func (x *export) licence(n *node, cmdlet string) bool {
	name := n.get("userprincipalname", "userid", "user").str()
	i, ok := x.details[strings.ToLower(name)]
	if !ok {
		i = len(x.users)
		x.details[strings.ToLower(name)] = i
		x.keep(name, n.get("skupartnumber").str())
		x.held = append(x.held, nil)
		x.users = append(x.users, fact.DirectoryUser{
			Object: x.objects, Cmdlet: cmdlet, Name: name, UserPrincipalName: name, PlansKnown: true,
			Licensed:     fact.Attribute{Answer: "yes", By: strings.TrimSpace("SkuPartNumber " + n.get("skupartnumber").str())},
			SIPAddresses: []string{}, Plans: []fact.LyncPlan{}, UnknownPlans: []string{}, Errors: []string{}, Lost: []fact.Loss{},
		})
	}
	t := &tally{user: &x.users[i]}
	v := n.get("serviceplans")
	services, lost := v.elements()
	if lost || !v.is(list) && !v.is(object) {
		t.lose("ServicePlans", v)
	}
	for _, s := range services {
		t.service(s)
	}
	x.keep(t.user.UnknownPlans...)
	if t.doubts {
		t.user.PlansKnown = false
	}
	return true
}

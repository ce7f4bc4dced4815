package lyncdiag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func directoryRules() []Rule {
	identity := kb.Citation{KB: "KB2541980", Section: "Fix user identity and Windows Azure AD issues in Lync 2013"}
	step := func(item string) kb.Citation {
		return kb.Citation{KB: identity.KB, Section: identity.Section, Item: item}
	}
	return []Rule{
		{
			ID: "user.licence", Source: step("step 2"),
			Needs: names(fact.DirectoryUsersKey), Reads: append(names(fact.StartedKey), deriveReads...),
			Emits: []string{"user-not-licensed", "user-licence-disabled", "user-licence-pending", "user-not-provisioned"}, Eval: judgeLicence,
		},
		{
			ID: "user.account", Source: step("step 3"),
			Needs: names(fact.DirectoryUsersKey), Reads: deploymentReads,
			Emits: []string{"user-blocked", "user-sip-not-enabled", "user-homed-on-premises"}, Eval: judgeAccount,
		},
		{
			ID: "user.address", Source: kb.Citation{KB: "KB2430520"},
			Needs: names(fact.DirectoryUsersKey), Reads: deploymentReads,
			Emits: []string{"user-sip-address-mismatch", "user-sip-address-invalid", "user-sip-address-duplicate"}, Eval: judgeSIPAddress,
		},
		{
			ID: "user.errors", Source: step("step 3"),
			Needs: names(fact.DirectoryUsersKey), Reads: append(names(fact.StartedKey), deploymentReads...),
			Emits: []string{"user-directory-sync-error"}, Eval: judgeUserErrors,
		},
		{
			ID: "user.idfix", Source: step("step 3"),
			Needs: names(fact.DirectoryErrorsKey), Reads: deploymentReads,
			Emits: []string{"user-directory-sync-error", "user-sip-address-duplicate"}, Eval: judgeIdFix,
		},
		{
			ID: "organization.sync", Source: step("step 3"),
			Needs: names(fact.OrganizationKey), Reads: names(fact.StartedKey),
			Emits: []string{"user-directory-sync-error"}, Eval: judgeLastSync,
		},
		{
			ID: "domain.settings", Source: kb.Citation{KB: "KB2541980", Section: identity.Section, Item: "step 4"},
			Needs: names(fact.DirectoryDomainsKey), Reads: deploymentReads,
			Emits: []string{"domain-not-verified", "domain-federation-incomplete", "input-incomplete"}, Eval: judgeDomainSettings,
		},
		{
			ID: "user.export", Source: identity,
			Needs: names(fact.DirectoryUsersKey), Reads: names(fact.TargetKey), Emits: []string{"input-incomplete"}, Eval: judgeLosses,
		},
		{
			ID: "service.health", Source: step("step 6"),
			Needs: names(fact.ServiceHealthKey), Reads: append(names(fact.RealmKey), deploymentReads...),
			Emits: []string{"service-outage-suspected", "login-service-unavailable"}, Eval: judgeHealth,
		},
		{
			ID: "login.message", Source: kb.Citation{KB: "KB2541980", Section: "Lync Online sign-in error messages", Item: "row 7"},
			Needs: names(fact.MessageKey, fact.AnswersKey), Reads: deriveReads, Emits: []string{"login-service-unavailable"}, Eval: judgeLoginMessage,
		},
		{
			ID: "adfs.tests", Source: step("step 7"),
			Needs: names(fact.ServerTestsKey), Reads: append(names(fact.MEXKey), deploymentReads...), Emits: serverTestFindings(), Eval: judgeServerTests,
		},
	}
}

// record is what one object of an export says, and where it stands.
type record struct {
	fact.DirectoryUser
	origin fact.Origin
}

func objectOrigin(o fact.Origin, cmdlet string, object int) fact.Origin {
	if object > 0 {
		o.Where = strings.TrimSpace(fmt.Sprintf("%s object %d %s", o.Where, object, cmdlet))
	}
	return o
}

// onPremises reports whether the record is of the company's own directory. A
// user may have another user principal name there.
func (r record) onPremises() bool { return r.Cmdlet == "Get-ADUser" || r.Cmdlet == "Get-CsUser" }

func (r record) evidence() fact.Evidence {
	return fact.Evidence{Key: "user", Class: fact.UserText, Value: r.Name, Origin: r.origin}
}

func (r record) has(address string) bool {
	return slices.ContainsFunc(r.SIPAddresses, func(a string) bool { return sameAddress(a, address) })
}

// sameAddress compares addresses whatever the form of their domains.
func sameAddress(a, b string) bool {
	if a == "" || b == "" || strings.EqualFold(a, b) {
		return a != "" && strings.EqualFold(a, b)
	}
	x, errX := fact.ParseAddress(a)
	y, errY := fact.ParseAddress(b)
	return errX == nil && errY == nil && strings.EqualFold(x.WireAddress(), y.WireAddress())
}

// account is what the exports say of the target: its records, and those of
// others that share an address with it.
type account struct {
	own, others []record
}

// accountReads are the facts that findAccount looks at.
var accountReads = names(fact.TargetKey, fact.DirectoryUsersKey)

// findAccount tells the target's records from those of others, in each
// directory for itself. The user name given decides, then the SIP address, which
// is what a user signs in to Lync with, then the user principal name.
func findAccount(f *fact.Facts) account {
	target, _, _ := fact.Get(f, fact.TargetKey)
	var cloud, own []record
	for o, list := range fact.All(f, fact.DirectoryUsersKey) {
		for _, u := range list {
			r := record{u, objectOrigin(o, u.Cmdlet, u.Object)}
			if r.onPremises() {
				own = append(own, r)
			} else {
				cloud = append(cloud, r)
			}
		}
	}
	a := split(cloud, target)
	b := split(own, target)
	return account{slices.Concat(a.own, b.own), slices.Concat(a.others, b.others)}
}

// split takes the records of one directory apart.
func split(records []record, t Target) account {
	var first *record
	for _, fits := range []func(record) bool{
		func(r record) bool { return sameAddress(r.UserPrincipalName, t.UserName) },
		func(r record) bool { return r.has(t.Address) },
		func(r record) bool { return sameAddress(r.UserPrincipalName, t.Address) },
	} {
		if i := slices.IndexFunc(records, fits); i >= 0 {
			first = &records[i]
			break
		}
	}
	var a account
	for _, r := range records {
		if first == nil && len(r.SIPAddresses) == 0 && r.UserPrincipalName == "" || first != nil && r.of(*first) {
			a.own = append(a.own, r)
		} else {
			a.others = append(a.others, r)
		}
	}
	return a
}

// of reports whether two records of one directory are of one user. One without
// a name and an address was put as the only user's.
func (r record) of(s record) bool {
	switch {
	case r.UserPrincipalName != "" && s.UserPrincipalName != "":
		return strings.EqualFold(r.UserPrincipalName, s.UserPrincipalName)
	case r.UserPrincipalName == "" && len(r.SIPAddresses) == 0:
		return true
	case r.Cmdlet == s.Cmdlet:
		return strings.EqualFold(r.Name, s.Name)
	}
	return slices.ContainsFunc(r.SIPAddresses, s.has)
}

// attribute is the first record that tells a yes or no.
func (a account) attribute(of func(record) fact.Attribute) (fact.Attribute, record) {
	for _, r := range a.own {
		if x := of(r); x.Answer != "" {
			return x, r
		}
	}
	return fact.Attribute{}, record{}
}

// licence is what the records come to: has the user a plan for Lync Online.
type licence struct {
	answer string // yes, no; "" unknown
	plan   fact.LyncPlan
	by     string // what tells it
	record record
}

// licence takes the best of what the records say. What only one of two
// records lacks is there: exports leave out more than they invent.
func (a account) licence() licence {
	var best licence
	rank := func(l licence) int {
		return slices.Index([]string{"no", "no suspended", "no disabled", "yes error", "yes pending", "yes", "yes assigned", "yes provisioned"}, strings.TrimSpace(l.answer+" "+l.plan.Status))
	}
	found := false
	for _, r := range a.own {
		for _, l := range licencesOf(r) {
			if !found || rank(l) > rank(best) || rank(l) == rank(best) && best.record.Presumed {
				best, found = l, true
			}
		}
	}
	return best
}

// licencesOf is what one record says of licences.
func licencesOf(r record) []licence {
	var list []licence
	for _, p := range r.Plans {
		l := licence{"yes", p, p.Name + " " + p.Status, r}
		if p.Status == "disabled" || p.Status == "suspended" {
			l.answer = "no"
			if !r.PlansKnown {
				continue // another licence may give what this one turns off
			}
		}
		list = append(list, l)
	}
	if len(list) > 0 || !r.PlansKnown {
		return list
	}
	by := "no MCO plan among the licences"
	if r.Licensed.Answer == "no" {
		by = r.Licensed.By
	}
	return []licence{{answer: "no", by: by, record: r}}
}

// listed reports whether Lync Online has an account of the user, "" where
// nothing tells.
func (a account) listed() (string, fact.Origin) {
	for _, r := range a.own {
		if r.Listed {
			return "yes", r.origin
		}
	}
	switch l := a.licence(); l.plan.Status {
	case "pending", "error":
		return "no", l.record.origin
	}
	return "", fact.Origin{}
}

func judgeLicence(f *fact.Facts, emit Emit) {
	a := findAccount(f)
	l := a.licence()
	d := findDeployment(f)
	home, _ := a.attribute(func(r record) fact.Attribute { return r.OnPremises })
	if l.answer == "" || !d.online() || d.kind == "hybrid" && home.Answer == "yes" {
		return // the company's own server asks for no licence
	}
	o := l.record.origin
	evidence := []fact.Evidence{l.record.evidence(), text("licence", l.by, o)}
	listed, _ := derive(f, "listed-in-admin-center")
	at, known := assignedAt(f)
	future := known && ahead(f, at)
	if known {
		evidence = append(evidence, text("assignedAt", stamp(at), o))
	}
	switch {
	case l.answer == "no" && l.plan.Status != "":
		finding := found("user-licence-disabled", "directory", evidence...)
		if l.plan.Status == "suspended" {
			finding.Title = "The licence that holds the user's Lync plan is suspended"
			finding.Cause = "The plan is assigned to the user, but the organization's subscription for it has expired or is suspended. For Lync the user is not licensed."
		}
		emit(finding)
	case l.answer == "no":
		finding := found("user-not-licensed", "directory", evidence...)
		if l.record.Presumed {
			finding.Evidence = append(finding.Evidence, text("presumed", "the cmdlet writes an empty list also for licences that it was not asked for", o))
			finding = finding.with(Probable)
		}
		emit(finding)
	case listed == "yes" || l.plan.Status == "error":
		// The account is there, or judgeUserErrors says why not.
	case known && recent(f, at):
		emit(found("user-licence-pending", "directory", evidence...).until(at, o))
	case future:
		finding := found("user-licence-pending", "directory", append(evidence, text("clock", "the licence was assigned in the future, by the clock of this computer", o))...)
		finding.Title = "The licence was assigned in the future, by this computer's clock"
		finding.Cause = "A clock is wrong, or the time lost its zone in the export. How long ago the licence was assigned is unknown, so the service may not have created the account yet."
		emit(finding.with(Possible))
	case l.plan.Status == "pending" && known:
		emit(found("user-not-provisioned", "directory", evidence...).with(Probable))
	case l.plan.Status == "pending":
		emit(found("user-licence-pending", "directory", evidence...))
	}
}

// until says how long to wait for Lync Online to create the account.
func (f Finding) until(assigned time.Time, o fact.Origin) Finding {
	end := assigned.Add(licenceWait).UTC()
	f.Evidence = append(f.Evidence, text("waitUntil", stamp(end), o))
	f.Title = fmt.Sprintf("Wait until %s UTC: the licence was assigned at %s", end.Format("15:04"), assigned.UTC().Format("15:04"))
	f.Cause = fmt.Sprintf("Lync Online takes up to 30 minutes to create the account after a licence was assigned. It was assigned at %s UTC, so nothing is wrong yet.", assigned.UTC().Format("15:04 on 2006-01-02"))
	return f
}

// assignedAt is when the licence was assigned, by the directory or a person.
func assignedAt(f *fact.Facts) (time.Time, bool) {
	answer, _ := derive(f, "licence-assigned-at")
	if answer == "unknown" {
		return time.Time{}, false
	}
	at, err := parseTime(answer)
	return at, err == nil
}

// recent reports whether the time that provisioning may take is not over.
func recent(f *fact.Facts, at time.Time) bool {
	started, _, ok := fact.Get(f, fact.StartedKey)
	return ok && started.Sub(at) < licenceWait && !ahead(f, at)
}

// clockTolerance is how far the clocks of this computer and of the directory
// may differ: no more than Kerberos and AD FS allow.
const clockTolerance = 5 * time.Minute

// ahead reports whether a time is in the future, which tells nothing but that
// a clock is wrong.
func ahead(f *fact.Facts, at time.Time) bool {
	started, _, ok := fact.Get(f, fact.StartedKey)
	return ok && at.Sub(started) > clockTolerance
}

func judgeAccount(f *fact.Facts, emit Emit) {
	a := findAccount(f)
	d := findDeployment(f)
	synced, _ := a.attribute(func(r record) fact.Attribute { return r.Synchronized })
	tell := func(name string, x fact.Attribute, r record, answer string, applies bool) {
		if !applies || x.Answer != answer {
			return
		}
		finding := found(name, "directory", r.evidence(), text("attribute", x.By, r.origin))
		if name == "user-sip-not-enabled" && r.Cmdlet == onlineUser {
			finding = finding.disabledOnline(synced.Answer == "yes")
		} else if name == "user-sip-not-enabled" && !d.online() {
			finding.Title = "The user is not enabled on Lync Server"
			finding.Cause = "Active Directory says that the user is not enabled for Lync (msRTCSIP-UserEnabled is FALSE), so the server knows no such address."
			finding.Resolution = []string{"Enable the user: Set-CsUser -Identity sip:{address} -Enabled $true"}
		}
		if name == "user-homed-on-premises" && strings.HasPrefix(d.why, "assumed") {
			finding = finding.with(Probable) // that Lync Online is asked nobody saw
		}
		emit(finding)
	}
	blocked, r := a.attribute(func(r record) fact.Attribute { return r.Enabled })
	tell("user-blocked", blocked, r, "no", true)
	enabled, r := a.sipEnabled()
	tell("user-sip-not-enabled", enabled, r, "no", r.Cmdlet != onlineUser || d.online())
	// In a hybrid deployment a user may live on either side.
	home, r := a.attribute(func(r record) fact.Attribute { return r.OnPremises })
	tell("user-homed-on-premises", home, r, "yes", d.kind == "online")
}

// onlineUser is the cmdlet of Lync Online itself. That it has a user as not
// enabled does not tell why.
const onlineUser = "Get-CsOnlineUser"

// sipEnabled prefers what the company's directory says to a bare no of Lync
// Online.
func (a account) sipEnabled() (fact.Attribute, record) {
	x, r := a.attribute(func(r record) fact.Attribute { return r.SIPEnabled })
	if x.Answer != "no" || r.Cmdlet != onlineUser {
		return x, r
	}
	if y, s := a.attributeEnabled(); y.Answer == "no" {
		return y, s
	}
	return x, r
}

// attributeEnabled is msRTCSIP-UserEnabled, as far as it is known.
func (a account) attributeEnabled() (fact.Attribute, record) {
	return a.attribute(func(r record) fact.Attribute {
		if r.Cmdlet == onlineUser && r.SIPEnabled.Answer == "no" {
			return fact.Attribute{}
		}
		return r.SIPEnabled
	})
}

// disabledOnline is user-sip-not-enabled by Lync Online's own word.
func (f Finding) disabledOnline(synchronized bool) Finding {
	f.Title = "Lync Online has the user as not enabled"
	f.Cause = "Lync Online lists the user with Enabled False. Why is not in the export."
	f.Resolution = []string{
		"Read the user as Lync Online has it now: Get-CsOnlineUser -Identity {address} | Format-List Enabled,AccountType,InterpretedUserType,UserValidationErrors",
		"Look for an MCO plan with status Success: Get-MgUserLicenseDetail -UserId {address} | Select-Object -ExpandProperty ServicePlans",
		"If there is one, remove the licence, wait a few minutes, assign it again and wait 30 minutes.",
	}
	if synchronized {
		f.Resolution = append(f.Resolution, "See that msRTCSIP-UserEnabled is not FALSE in Active Directory: Get-ADUser -Filter \"UserPrincipalName -eq '{address}'\" -Properties msRTCSIP-UserEnabled")
	}
	f.Resolution = append(f.Resolution, "Check again with a new export: lyncdiag check {address} --user FILE")
	return f.with(Probable)
}

// refused are the characters that a SIP address of Lync Online may not hold
// before the @: the apostrophe, and what no user principal name of Office 365
// may hold.
const refused = `'\%&*+/=?{}|<>();:,[]" `

func judgeSIPAddress(f *fact.Facts, emit Emit) {
	a := findAccount(f)
	if !findDeployment(f).online() {
		return
	}
	var sip, upn record
	for _, r := range a.own {
		if len(sip.SIPAddresses) == 0 {
			sip = r
		}
		if upn.UserPrincipalName == "" {
			upn = r
		}
	}
	target, _, _ := fact.Get(f, fact.TargetKey)
	judgeShared(a, target, emit)
	if len(sip.SIPAddresses) == 0 {
		return
	}
	address := sip.SIPAddresses[0]
	local, _, _ := strings.Cut(address, "@")
	bad := strings.IndexFunc(local, func(c rune) bool { return c > '~' || strings.ContainsRune(refused, c) })
	evidence := fact.Evidence{Key: "sipAddress", Class: fact.UserText, Value: address, Origin: sip.origin}
	if bad >= 0 {
		finding := found("user-sip-address-invalid", "directory", evidence)
		if !strings.Contains(local, "'") {
			finding = finding.with(Probable)
		}
		emit(finding)
	}
	if upn.UserPrincipalName != "" && !strings.EqualFold(upn.UserPrincipalName, address) {
		finding := found("user-sip-address-mismatch", "directory", evidence,
			fact.Evidence{Key: "userPrincipalName", Class: fact.UserText, Value: upn.UserPrincipalName, Origin: upn.origin})
		i := slices.IndexFunc(a.others, func(r record) bool {
			return r.onPremises() == upn.onPremises() && (sip.has(target.Address) && sameAddress(r.UserPrincipalName, target.Address) ||
				sameAddress(upn.UserPrincipalName, target.Address) && r.has(target.Address))
		})
		if i >= 0 {
			finding.Evidence = append(finding.Evidence, fact.Evidence{Key: "target", Class: fact.UserText, Value: upn.UserPrincipalName, Origin: upn.origin},
				fact.Evidence{Key: "other", Class: fact.UserText, Value: a.others[i].Name, Origin: a.others[i].origin})
			finding.Title = "The address names two different users"
			finding.Cause = "{address} is the SIP address of one user and the user principal name of another. This report is about the one with the user principal name {target}."
			spec, _ := kb.Lookup(finding.Name)
			finding.Resolution = append([]string{"Diagnose the other user by its user principal name: lyncdiag check {address} --user-name USERPRINCIPALNAME"}, spec.Resolution[:1]...)
		}
		emit(finding)
	}
}

// judgeShared: two objects of one directory have the same SIP address.
func judgeShared(a account, t Target, emit Emit) {
	for _, r := range a.own {
		for _, other := range a.others {
			if other.onPremises() != r.onPremises() || other.Name == "" {
				continue
			}
			i := slices.IndexFunc(r.SIPAddresses, other.has)
			if i < 0 {
				continue
			}
			finding := found("user-sip-address-duplicate", "directory",
				fact.Evidence{Key: "target", Class: fact.UserText, Value: r.SIPAddresses[i], Origin: r.origin}, r.evidence(),
				fact.Evidence{Key: "other", Class: fact.UserText, Value: other.Name, Origin: other.origin})
			if !strings.EqualFold(r.SIPAddresses[i], t.Address) {
				spec, _ := kb.Lookup(finding.Name)
				finding.Cause = strings.ReplaceAll(spec.Cause, "{address}", "{target}")
				for _, step := range spec.Resolution {
					if !strings.HasPrefix(step, "Check again") {
						step = strings.ReplaceAll(step, "{address}", "{target}")
					}
					finding.Resolution = append(finding.Resolution, step)
				}
			}
			emit(finding)
		}
	}
}

func judgeUserErrors(f *fact.Facts, emit Emit) {
	a := findAccount(f)
	online := findDeployment(f).online()
	for _, r := range a.own {
		evidence := []fact.Evidence{r.evidence()}
		for _, e := range r.Errors {
			evidence = append(evidence, prose("error", e, r.origin))
		}
		for _, p := range r.Plans {
			if p.Status == "error" && online {
				evidence = append(evidence, text("licence", p.Name+" "+p.Status, r.origin))
			}
		}
		if len(evidence) > 1 {
			emit(found("user-directory-sync-error", "directory", evidence...))
		}
	}
	if online {
		judgeUnsynchronized(f, a, emit)
	}
}

// syncDelay is what a change may take: the older synchronization tools run
// every three hours.
const syncDelay = 3 * time.Hour

// judgeUnsynchronized compares both directories: the object was changed at home
// after it was last synchronized, and long enough ago.
func judgeUnsynchronized(f *fact.Facts, a account, emit Emit) {
	started, _, _ := fact.Get(f, fact.StartedKey)
	var synced, changed record
	for _, r := range a.own {
		if r.LastSync.After(synced.LastSync) {
			synced = r
		}
		if r.Changed.After(changed.Changed) {
			changed = r
		}
	}
	if synced.LastSync.IsZero() || changed.Changed.IsZero() || changed.Changed.Sub(synced.LastSync) < syncDelay || started.Sub(changed.Changed) < syncDelay {
		return
	}
	finding := found("user-directory-sync-error", "directory", synced.evidence(),
		text("lastSync", stamp(synced.LastSync), synced.origin), text("whenChanged", stamp(changed.Changed), changed.origin)).
		at(kb.Warning, "whenChanged moves for attributes that are not synchronized, too", changed.origin).with(Possible)
	finding.Title = "The last change of the user's object may not be synchronized"
	finding.Cause = "The object was changed in Active Directory after it was last synchronized, more than three hours ago. What Office 365 knows of the user may be the state before."
	emit(finding)
}

// judgeIdFix: what IdFix finds does not synchronize, or not rightly.
func judgeIdFix(f *fact.Facts, emit Emit) {
	if !findDeployment(f).online() {
		return
	}
	for o, list := range fact.All(f, fact.DirectoryErrorsKey) {
		for _, e := range list {
			at := objectOrigin(o, e.Tool, e.Object)
			name := "user-directory-sync-error"
			if strings.Contains(strings.ToLower(e.Error), "duplicate") && strings.HasPrefix(strings.ToLower(e.Value), "sip:") {
				name = "user-sip-address-duplicate"
			}
			finding := found(name, "directory",
				fact.Evidence{Key: "user", Class: fact.UserText, Value: e.Name, Origin: at},
				text("attribute", e.Attribute, at), text("error", e.Error, at),
				fact.Evidence{Key: "value", Class: fact.UserText, Value: e.Value, Origin: at}).with(Probable)
			emit(finding)
		}
	}
}

// lastSyncLimit is when a synchronization that should run every half hour, or
// every three hours with the older tools, has stopped.
const lastSyncLimit = 24 * time.Hour

// judgeLastSync: nothing that was changed since then has arrived. The time at
// a user says nothing, as it stays while nothing changes.
func judgeLastSync(f *fact.Facts, emit Emit) {
	started, _, _ := fact.Get(f, fact.StartedKey)
	o10n, o, _ := fact.Get(f, fact.OrganizationKey)
	if o10n.Synchronized.Answer == "no" || o10n.LastSync.IsZero() || started.Sub(o10n.LastSync) < lastSyncLimit {
		return
	}
	finding := found("user-directory-sync-error", "directory", text("lastSync", stamp(o10n.LastSync), o)).
		at(kb.Warning, "what was changed in Active Directory since then is not known online; what was there before is", o).with(Probable)
	finding.Title = "The directory was not synchronized for a day or longer"
	finding.Cause = fmt.Sprintf("By the export the last synchronization ended at %s UTC. Changes made in Active Directory since then have not arrived.", o10n.LastSync.UTC().Format("15:04 on 2006-01-02"))
	emit(finding)
}

func judgeDomainSettings(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	online := findDeployment(f).online()
	federated, _ := domainFederated(f)
	for o, list := range fact.All(f, fact.DirectoryDomainsKey) {
		for _, d := range list {
			at := objectOrigin(o, d.Cmdlet, d.Object)
			domain := named("domain", cmp.Or(d.Name, target.Domain), at)
			above := d.Name != "" && d.Name != target.Domain
			for _, l := range d.Lost {
				emit(incomplete(d.Cmdlet, l, at))
			}
			if !online {
				continue
			}
			if !above && (d.Verified.Answer == "no" || d.Lync.Answer == "no") {
				by := d.Verified.By
				if d.Verified.Answer != "no" {
					by = d.Lync.By
				}
				emit(found("domain-not-verified", "directory", domain, text("attribute", by, at)))
			}
			if federated == "yes" && (!above || inherits(f, d.Name)) && (d.MEX.Answer == "no" || d.Active.Answer == "no") {
				finding := found("domain-federation-incomplete", "directory", domain, lacking(d.MEX, at), lacking(d.Active, at))
				if above {
					finding = finding.with(Probable) // that it has none of its own nobody looked at
				}
				emit(finding)
			}
		}
	}
}

func lacking(a fact.Attribute, o fact.Origin) fact.Evidence {
	if a.Answer != "no" {
		return fact.Evidence{}
	}
	return text("attribute", a.By, o)
}

// domainFederated is how the tenant authenticates the target's domain, as the
// nearest of the domain and those above it tells: a subdomain is
// authenticated as its parent, unless it has settings of its own.
func domainFederated(f *fact.Facts) (string, fact.Origin) {
	answer, from, nearest := "", fact.Origin{}, 0
	target, _, _ := fact.Get(f, fact.TargetKey)
	for o, list := range fact.All(f, fact.DirectoryDomainsKey) {
		for _, d := range list {
			size := len(cmp.Or(d.Name, target.Domain))
			// The domain itself knows better than settings that may be left over.
			itself := d.Lync.Answer != "" || d.Verified.Answer != ""
			if d.Federated.Answer != "" && (size > nearest || size == nearest && itself) {
				answer, from, nearest = d.Federated.Answer, objectOrigin(o, d.Cmdlet, d.Object), size
			}
		}
	}
	return answer, from
}

// inherits reports whether the target's domain has its federation settings from
// the one above it, because no nearer one has any.
func inherits(f *fact.Facts, above string) bool {
	for _, list := range fact.All(f, fact.DirectoryDomainsKey) {
		for _, d := range list {
			if settings := d.MEX.Answer + d.Active.Answer; settings != "" && (d.Name == "" || len(d.Name) > len(above)) {
				return false
			}
		}
	}
	return true
}

func judgeLosses(f *fact.Facts, emit Emit) {
	a := findAccount(f)
	licence := a.licence()
	for _, r := range a.own {
		for _, l := range r.Lost {
			if licence.answer == "" || !aboutLicences(l.Property) { // else another export tells it
				emit(incomplete(r.Cmdlet, l, r.origin))
			}
		}
		if len(r.UnknownPlans) > 0 && licence.answer == "" {
			finding := found("input-incomplete", "directory", text("target", strings.Join(r.UnknownPlans, ", "), r.origin), text("cmdlet", r.Cmdlet, r.origin))
			finding.Title = "The user's licences hold a plan that is not known here"
			finding.Cause = "Whether the plan {target} lets the user sign in to Lync Online is unknown, and no other plan tells."
			finding.Resolution = []string{"See in the Office 365 portal whether the user's licences hold Lync Online or Skype for Business Online, and say so: lyncdiag check {address} --answer licensed=yes"}
			emit(finding)
		}
	}
}

func aboutLicences(property string) bool {
	return slices.ContainsFunc([]string{"licen", "Licen", "Plan"}, func(part string) bool { return strings.Contains(property, part) })
}

// incomplete says what an export lacks, and how to export it again.
func incomplete(cmdlet string, l fact.Loss, o fact.Origin) Finding {
	finding := found("input-incomplete", "directory", text("property", l.Property, o), prose("lost", l.Why, o), text("cmdlet", cmdlet, o))
	if line := kb.ExportLine(cmdlet); line != "" {
		finding.Resolution = []string{"Export again with all nested values, and give the new file: " + line}
	}
	return finding
}

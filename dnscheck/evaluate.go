package dnscheck

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// CheckStatus is how a record compares with what is expected of it.
type CheckStatus string

const (
	CheckOK            CheckStatus = "ok"
	CheckMissing       CheckStatus = "missing"        // the server says there is none
	CheckWrong         CheckStatus = "wrong"          // it leads elsewhere, or nowhere
	CheckError         CheckStatus = "error"          // nothing is known, or it is right but its target does not resolve
	CheckExtra         CheckStatus = "extra"          // clients ask for it, this deployment should not have it
	CheckNotApplicable CheckStatus = "not-applicable" // optional, and absent
)

// Problem is a code for what is wrong with a record or a hop of the Autodiscover
// walk; "" for nothing.
type Problem string

// Problems of records, the first that applies to a target winning.
const (
	ProblemMalformed    Problem = "malformed"    // a target cannot be a host name; for a hop: the document cannot be read
	ProblemCNAMELoop    Problem = "cname-loop"   // the chain returns to itself or is too long
	ProblemUnresolvable Problem = "unresolvable" // the target does not exist or has no address
	ProblemWrong        Problem = "wrong"        // another host or port than expected
	ProblemDuplicate    Problem = "duplicate"    // several SRV records, and they contradict each other
)

// Check compares one expected record with what one server has.
type Check struct {
	Expectation
	Server string      `json:"server"`
	Status CheckStatus `json:"status"`
	// Found is the data found, in zone-file form; for host names the first CNAME,
	// or else the addresses.
	Found []string `json:"found"`
	// Records are the records found at the name itself: SRV, the first CNAME, or the
	// addresses. [Record.Words] names their fields.
	Records []Record `json:"records"`
	// Answer is the status of the server's answer; TTL is in seconds.
	Answer  Status  `json:"answer"`
	TTL     uint32  `json:"ttl"`
	Problem Problem `json:"problem"`
	Detail  string  `json:"detail"`
	// Fix is the zone-file line to add or to put in its place, "" if there is nothing
	// to do or only the customer can know the host. See also Form and PowerShell.
	Fix string `json:"fix"`
	// CachedUntil is until when resolvers that hold what was found, or the absence, may
	// go on answering with it after the record is put right. Zero: not known, or
	// nothing to put right.
	CachedUntil time.Time `json:"cachedUntil,omitzero"`
	// Wildcard: the server answers the same for names that do not exist, so there is
	// no such record in the zone.
	Wildcard bool `json:"wildcard"`
	// OutsideTrust are the targets of a sign-in SRV record that clients ask the user
	// about, or refuse; see [StrictMatch].
	OutsideTrust []string `json:"outsideTrust"`
}

// Evaluate compares what every server said with what is expected, in the order of
// want, server by server; records that clients ask for and want does not name come
// last as [CheckExtra]. Priority and weight never make a record wrong, and an
// address record in place of a CNAME is right when it has an address of an
// expected target (the target must be among the Hosts of res, see [Client.Ask]).
func Evaluate(res *Result, want []Expectation) []Check {
	var checks []Check
	if res == nil {
		return checks
	}
	for _, s := range res.Servers {
		server := s.String()
		for _, e := range want {
			checks = append(checks, checkOne(res, server, e))
		}
		if len(want) > 0 { // a domain without expectations is run by somebody else
			checks = append(checks, extras(res, server, want)...)
		}
	}
	return checks
}

func checkOne(res *Result, server string, e Expectation) Check {
	c := Check{Expectation: e, Server: server}
	if e.Type == "SRV" {
		a, ok := res.Answer(server, e.Name, "SRV")
		if !ok {
			return c.notAsked()
		}
		c.Answer, c.TTL = a.Status, a.TTL
		c.srv(res, a)
		c.forged(a.Ignored)
	} else {
		h, ok := res.Host(server, e.Name)
		if !ok {
			return c.notAsked()
		}
		c.Answer, c.TTL = h.Status, hostTTL(h)
		c.host(res, h)
		c.forged(h.A.Ignored + h.AAAA.Ignored)
	}
	if c.Status == CheckMissing && e.Need == NeedOptional {
		c.Status = CheckNotApplicable
	}
	if c.Status == CheckMissing || c.Status == CheckWrong {
		c.Fix = e.Example
		if c.TTL > 0 && !res.At.IsZero() {
			c.CachedUntil = res.At.Add(time.Duration(c.TTL) * time.Second)
		}
	}
	return c
}

// forged mentions answers that were read past. Some come late, others are made to
// come first: who sees many should look for somebody in between.
func (c *Check) forged(ignored int) {
	if ignored > 0 && c.Answer.Known() {
		c.Detail = join(c.Detail, fmt.Sprintf("%d answers with another id or question came first and were ignored", ignored))
	}
}

func (c Check) notAsked() Check {
	c.Status, c.Detail = CheckError, "this name was not asked for"
	return c
}

// unanswered sets the status for an answer without records.
func (c *Check) unanswered(status Status, detail string) {
	c.Detail = detail
	switch status {
	case StatusNoSuchName:
		c.Status = CheckMissing
		c.Detail = join(detail, "there is no such name")
	case StatusNoData:
		c.Status = CheckMissing
		c.Detail = join(detail, "the name exists without such a record")
	case StatusCNAMELoop:
		c.Status, c.Problem = CheckWrong, ProblemCNAMELoop
	default:
		c.Status = CheckError
		c.Detail = join(string(status), detail)
	}
}

func (c *Check) srv(res *Result, a Answer) {
	for _, r := range a.Records {
		c.Found = append(c.Found, r.Text)
	}
	c.Records = a.Records
	if a.Status != StatusOK {
		c.unanswered(a.Status, a.Detail)
		return
	}
	if c.Need != NeedFederation {
		for _, r := range a.Records {
			if c.Domain != "" && r.Target != "." && hostName(r.Target) && !StrictMatch(c.Domain, r.Target) && !slices.Contains(c.OutsideTrust, r.Target) {
				c.OutsideTrust = append(c.OutsideTrust, r.Target)
			}
		}
	}
	// Clients use the lowest priority value; what stands behind it counts only as a
	// contradiction.
	best := slices.MinFunc(a.Records, func(x, y Record) int { return int(x.Priority) - int(y.Priority) }).Priority
	used := verdictOn{status: CheckOK}
	var other verdictOn
	rightAmongUsed := false
	for _, r := range a.Records {
		v := c.target(res, r)
		if r.Priority != best {
			other = other.worse(v)
			continue
		}
		rightAmongUsed = rightAmongUsed || v.status == CheckOK
		used = used.worse(v)
	}
	c.Status, c.Problem, c.Detail = used.status, used.problem, used.detail
	switch {
	case used.problem == ProblemWrong && rightAmongUsed:
		c.Problem = ProblemDuplicate
		c.Detail = "several records contradict each other: " + used.detail
	case used.status == CheckOK && other.problem == ProblemWrong:
		c.Problem = ProblemDuplicate
		c.Detail = "a record of lower precedence differs: " + other.detail
	}
}

// verdictOn is what is thought of one target.
type verdictOn struct {
	status  CheckStatus
	problem Problem
	detail  string
}

// worse keeps the verdict whose problem comes first in the order of the Problem
// constants.
func (v verdictOn) worse(w verdictOn) verdictOn {
	order := []Problem{ProblemMalformed, ProblemCNAMELoop, ProblemUnresolvable, ProblemWrong}
	rank := func(v verdictOn) int {
		if i := slices.Index(order, v.problem); i >= 0 {
			return i
		}
		if v.status == CheckError {
			return len(order)
		}
		if v.detail != "" {
			return len(order) + 1
		}
		return len(order) + 2
	}
	if rank(w) < rank(v) {
		return w
	}
	return v
}

func (c *Check) target(res *Result, r Record) verdictOn {
	if r.Target == "." {
		return verdictOn{CheckWrong, ProblemWrong, `target "." says that the service is not offered (RFC 2782)`}
	}
	if !hostName(r.Target) {
		return malformedTarget(r.Target)
	}
	difference := c.differs(r.Target)
	if difference == "" && c.Port != 0 && r.Port != c.Port {
		difference = fmt.Sprintf("port %d in place of %d", r.Port, c.Port)
	}
	h, ok := res.Host(c.Server, r.Target)
	if !ok {
		h.Status = StatusCancelled // not looked up: nothing to hold against it
	}
	return targetVerdict(r.Target, difference, h)
}

// targetVerdict judges a target by whether it is another one than expected and by
// whether it resolves.
func targetVerdict(target, difference string, h Host) verdictOn {
	status := CheckOK
	if difference != "" {
		status = CheckWrong
	}
	switch {
	case h.Status == StatusCNAMELoop:
		return verdictOn{CheckWrong, ProblemCNAMELoop, join(difference, "the CNAME chain of "+target+" loops or is too long")}
	case h.Status == StatusNoSuchName || h.Status == StatusNoData:
		if status == CheckOK {
			status = CheckError
		}
		what := "target " + target + " does not exist"
		if h.Status == StatusNoData {
			what = "target " + target + " has no address"
		}
		return verdictOn{status, ProblemUnresolvable, join(difference, what)}
	case difference != "":
		return verdictOn{CheckWrong, ProblemWrong, difference}
	case h.Status == StatusOK || h.Status == StatusCancelled:
		return verdictOn{status: CheckOK}
	case h.Status == StatusRefused && !h.A.Recursion:
		// A zone's own server has no business with names of others.
		return verdictOn{CheckOK, "", "target " + target + " is outside the zones of this server and was not looked up"}
	}
	return verdictOn{CheckError, "", fmt.Sprintf("target %s could not be looked up (%s)", target, h.Status)}
}

func malformedTarget(target string) verdictOn {
	return verdictOn{CheckWrong, ProblemMalformed, fmt.Sprintf("%q cannot be a host name: %s", target, oddCharacters(target))}
}

// differs says how a target is not the expected one; "" if it is.
func (c *Check) differs(target string) string {
	if slices.Contains(c.Targets, target) {
		return ""
	}
	cloud, online := IsOnlineHost(target)
	if len(c.Targets) == 0 {
		if c.OnPremises && online {
			return target + " is in the online service; the domain's own deployment is expected"
		}
		return ""
	}
	want := strings.Join(c.Targets, " or ")
	for _, t := range c.Targets {
		if strings.HasPrefix(target, t+".") {
			return fmt.Sprintf("%s in place of %s: the zone's name was appended, the dot at the end is missing", target, want)
		}
	}
	if expected, _ := IsOnlineHost(c.Targets[0]); online && cloud != expected {
		return fmt.Sprintf("%s in place of %s: it belongs to cloud %s", target, want, cloud)
	}
	return target + " in place of " + want
}

// host compares a host name, by its chain or else by its addresses.
func (c *Check) host(res *Result, h Host) {
	c.Records = ownRecords(h)
	c.Wildcard = res.FromWildcard(h)
	c.compareHost(res, h)
	if c.Wildcard {
		c.Detail = join(c.Detail, "names that do not exist get the same answer: there is a wildcard record, or the server makes it up")
	}
}

// ownRecords are the records of the name itself, before any CNAME is followed.
func ownRecords(h Host) []Record {
	if len(h.CNAMEs) > 0 {
		return []Record{{Name: h.Name, Type: "CNAME", TTL: hostTTL(h), Target: h.CNAMEs[0], Text: h.CNAMEs[0] + "."}}
	}
	return append(slices.Clone(h.A.Records), h.AAAA.Records...)
}

func sameRecords(a, b []Record) bool {
	texts := func(records []Record) []string {
		var all []string
		for _, r := range records {
			all = append(all, r.Type+" "+strings.ToLower(r.Text))
		}
		slices.Sort(all)
		return all
	}
	return slices.Equal(texts(a), texts(b))
}

func (c *Check) compareHost(res *Result, h Host) {
	if len(h.CNAMEs) > 0 {
		c.Found = []string{h.CNAMEs[0] + "."}
		c.chain(res, h)
		return
	}
	for _, addr := range h.Addresses {
		c.Found = append(c.Found, addr.String())
	}
	if h.Status != StatusOK {
		detail := h.A.Detail
		if h.A.Status != h.Status {
			detail = h.AAAA.Detail
		}
		c.unanswered(h.Status, detail)
		return
	}
	c.Status = CheckOK
	if len(c.Targets) > 0 {
		c.sameAddress(res, h)
	}
}

func (c *Check) chain(res *Result, h Host) {
	for _, hop := range h.CNAMEs {
		if !hostName(hop) {
			v := malformedTarget(hop)
			c.Status, c.Problem, c.Detail = v.status, v.problem, v.detail
			return
		}
	}
	difference := c.differs(h.CNAMEs[0])
	for _, hop := range h.CNAMEs {
		if len(c.Targets) > 0 && slices.Contains(c.Targets, hop) {
			difference = ""
		}
		if len(c.Targets) == 0 && difference == "" {
			difference = c.differs(hop)
		}
	}
	if difference != "" && h.Status == StatusOK {
		if shared, _ := c.sharesAddress(res, h); shared {
			difference = ""
		}
	}
	v := targetVerdict(h.CNAMEs[len(h.CNAMEs)-1], difference, h)
	c.Status, c.Problem, c.Detail = v.status, v.problem, v.detail
}

func (c *Check) sameAddress(res *Result, h Host) {
	shared, known := c.sharesAddress(res, h)
	want := strings.Join(c.Targets, " or ")
	switch {
	case shared:
		c.Detail = "an address record in place of a CNAME to " + want + ": it will go stale when the service moves"
	case known:
		c.Status, c.Problem = CheckWrong, ProblemWrong
		c.Detail = "the addresses are not those of " + want
	default:
		c.Status = CheckError
		c.Detail = "there is no CNAME, and the addresses of " + want + " are not known to compare with"
	}
}

// sharesAddress reports whether the host has an address of an expected target, and
// whether any such address is known.
func (c *Check) sharesAddress(res *Result, h Host) (shared, known bool) {
	for _, t := range c.Targets {
		target, ok := res.Host(c.Server, t)
		if !ok || target.Status != StatusOK {
			continue
		}
		known = true
		if slices.ContainsFunc(target.Addresses, func(a netip.Addr) bool { return slices.Contains(h.Addresses, a) }) {
			return true, true
		}
	}
	return false, known
}

// extras lists the names that clients ask for and that nobody expects to exist.
func extras(res *Result, server string, want []Expectation) []Check {
	var checks []Check
	wanted := func(name string) bool {
		return slices.ContainsFunc(want, func(e Expectation) bool { return display(e.Name) == name })
	}
	extra := func(kind, name string, status Status, ttl uint32, found []string) {
		if len(found) == 0 || wanted(name) {
			return
		}
		checks = append(checks, Check{
			Expectation: Expectation{Type: kind, Name: name, Purpose: "clients ask for it", Need: NeedOptional},
			Server:      server, Status: CheckExtra, Found: found, Answer: status, TTL: ttl,
			Detail: "clients will find it, and this deployment has no such record",
		})
	}
	for _, name := range serviceNames(res.Domain) {
		a, _ := res.Answer(server, name, "SRV")
		var found []string
		for _, r := range a.Records {
			found = append(found, r.Text)
		}
		extra("SRV", name, a.Status, a.TTL, found)
	}
	for _, name := range hostNames(res.Domain) {
		h, _ := res.Host(server, name)
		if len(h.CNAMEs) > 0 {
			extra("CNAME", name, h.Status, hostTTL(h), []string{h.CNAMEs[0] + "."})
			continue
		}
		var found []string
		for _, addr := range h.Addresses {
			found = append(found, addr.String())
		}
		extra("A", name, h.Status, hostTTL(h), found)
	}
	return checks
}

func hostTTL(h Host) uint32 {
	if h.A.Status == h.Status {
		return h.A.TTL
	}
	return h.AAAA.TTL
}

// hostName reports whether a target can be a host's name. The underscore is let
// through: it is not allowed (RFC 1123), but such hosts exist and work.
func hostName(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool { return notHost(r) && r != '_' }) < 0
}

func join(first, second string) string {
	if first == "" {
		return second
	}
	if second == "" {
		return first
	}
	return first + "; " + second
}

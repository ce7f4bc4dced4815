package dnscheck

import (
	"fmt"
	"slices"
	"strings"
)

// Difference is a record about which servers disagree.
type Difference struct {
	Name string `json:"name"`
	Type string `json:"type"` // "SRV", or "CNAME" or "A" as in the expectation
	Need Need   `json:"need"`
	// Views is what each server has, in the order of Result.Servers.
	Views  []View `json:"views"`
	Detail string `json:"detail"`
	// Expected: the difference is right where the network inside has its own view of
	// the domain (split DNS).
	Expected bool `json:"expected"`
}

// View is what one server has under a name.
type View struct {
	Server string `json:"server"`
	Status Status `json:"status"`
	// Found is the data in zone-file form, sorted: for host names the first CNAME, or
	// else the addresses.
	Found []string `json:"found"`

	same []string // what is compared: of SRV records the port and the target
}

// The names of servers that stand for the two sides of split DNS.
const (
	insideServer  = "internal"
	outsideServer = "external"
)

// Compare lists the records about which the servers of a result disagree: those of
// want, in its order, and then the other names that clients ask for. Servers that
// did not answer are shown in the views and disagree with nobody. TTLs, the order of
// records, priority and weight, and the addresses behind a CNAME are no difference.
//
// A server named "internal" stands for the view inside the network, all others,
// "external" among them, for the view outside. Inside, lyncdiscoverinternal and the
// other names of the inside may exist, addresses may be those of the pool, and what
// only the outside needs may be absent. Everything else must not differ; for
// lyncdiscover this is Microsoft's word (Lync Server 2013 library, "Determine DNS
// requirements": no split-brain DNS for it).
func Compare(res *Result, want []Expectation) []Difference {
	if res == nil || len(res.Servers) < 2 {
		return nil
	}
	var list []Difference
	seen := make(map[string]bool)
	add := func(e Expectation) {
		if seen[display(e.Name)] {
			return
		}
		seen[display(e.Name)] = true
		if d, differs := compareOne(res, e); differs {
			list = append(list, d)
		}
	}
	for _, e := range want {
		add(e)
	}
	for _, name := range serviceNames(res.Domain) {
		add(Expectation{Type: "SRV", Name: name, Domain: res.Domain, Need: NeedOptional})
	}
	for _, name := range hostNames(res.Domain) {
		add(Expectation{Type: "A", Name: name, Domain: res.Domain, Need: NeedOptional})
	}
	return list
}

func compareOne(res *Result, e Expectation) (d Difference, differs bool) {
	d = Difference{Name: e.Name, Type: e.Type, Need: e.Need}
	var known []View
	for _, s := range res.Servers {
		v := viewOf(res, s.String(), e)
		d.Views = append(d.Views, v)
		if v.Status.Known() {
			known = append(known, v)
		}
	}
	isInside := func(v View) bool { return v.Server == insideServer }
	outside := slices.DeleteFunc(slices.Clone(known), isInside)
	if other := unlike(outside); other != nil {
		d.Detail = contrast(outside[0], *other)
		if other.Server != outsideServer && outside[0].Server != outsideServer {
			d.Detail += "; where one of them keeps an old answer, this ends when its time to live is over"
		}
		return d, true
	}
	inside := slices.IndexFunc(known, isInside)
	if inside < 0 || len(outside) == 0 || slices.Equal(known[inside].same, outside[0].same) {
		return Difference{}, false
	}
	in, out := known[inside], outside[0]
	why, right := split(e, in, out)
	if e.labels() == "lyncdiscover" && len(in.Found) == 0 {
		// KB10133: inside, lyncdiscoverinternal is what clients look for first.
		if h, ok := res.Host(in.Server, "lyncdiscoverinternal."+res.Domain); ok && len(ownRecords(h)) > 0 {
			why, right = "clients inside find lyncdiscoverinternal", true
		}
	}
	d.Expected, d.Detail = right, join(contrast(in, out), why)
	return d, true
}

// unlike returns the first view that differs from the first of all.
func unlike(views []View) *View {
	for i := range views {
		if !slices.Equal(views[i].same, views[0].same) {
			return &views[i]
		}
	}
	return nil
}

func contrast(a, b View) string {
	return fmt.Sprintf("%s: %s, %s: %s", a.Server, a.words(), b.Server, b.words())
}

func (v View) words() string {
	if len(v.Found) == 0 {
		return "no record"
	}
	return strings.Join(v.Found, " and ")
}

// split says whether inside and outside rightly have different records, and why.
func split(e Expectation, in, out View) (why string, right bool) {
	labels := e.labels()
	lacksIn, lacksOut := len(in.Found) == 0, len(out.Found) == 0
	onlyInside := labels == "lyncdiscoverinternal" || labels == "sipinternal" || strings.HasPrefix(labels, "_sipinternal")
	switch {
	case onlyInside && lacksIn:
		return "this name belongs inside, where it is absent; outside clients try it in vain", false
	case onlyInside:
		return "this name belongs inside", true
	case labels == "_sipfederationtls._tcp" && lacksIn:
		return "only other organisations ask for it, from outside", true
	case lacksIn && e.OnPremises && (labels == "_sip._tls" || labels == "sip" || labels == "sipexternal"):
		return "clients inside do not need it", true
	case lacksIn && labels == "sipexternal":
		return "clients inside do not need it", true
	case lacksIn:
		return "the view inside lacks the record", false
	case lacksOut:
		return "the view outside lacks the record", false
	case labels == "sip" && e.OnPremises:
		return "inside it may lead to the pool, outside to the Access Edge", true
	case labels == "lyncdiscover":
		return "lyncdiscover must lead to the same place inside and outside", false
	}
	return "the record must be the same inside and outside", false
}

// viewOf is what a server has under a name. A CNAME is a record even if its target
// is in nobody's reach.
func viewOf(res *Result, server string, e Expectation) View {
	v := View{Server: server, Status: StatusCancelled}
	var records []Record
	if e.Type == "SRV" {
		if a, ok := res.Answer(server, e.Name, "SRV"); ok {
			v.Status, records = a.Status, a.Records
		}
	} else if h, ok := res.Host(server, e.Name); ok {
		v.Status, records = h.Status, ownRecords(h)
		if len(h.CNAMEs) > 0 {
			v.Status = StatusOK
		}
	}
	for _, r := range records {
		text := strings.ToLower(r.Text)
		v.Found = append(v.Found, text)
		if r.Type == "SRV" {
			text = fmt.Sprintf("%d %s", r.Port, r.Target)
		}
		v.same = append(v.same, text)
	}
	slices.Sort(v.Found)
	slices.Sort(v.same)
	v.same = slices.Compact(v.same)
	return v
}

package sip

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Attempt is one try to sign in: a REGISTER dialogue (one Call-ID) from its first REGISTER to the final answer, with the
// authentication legs between.
type Attempt struct {
	ID   string `json:"id"` // number of the attempt within its log, from 1, in the order of their first lines; gaps are refreshes
	File string `json:"file"`
	Line int    `json:"line"` // of the first message
	// StartedAt is the time of the first message, zero if the log has none; a zone is missing where Zoned is false, see Record.
	StartedAt     time.Time     `json:"startedAt"`
	Zoned         bool          `json:"zoned"`
	Duration      time.Duration `json:"duration"` // to the last answer, or to the last REGISTER while none came
	Method        string        `json:"method"`   // REGISTER
	URI           string        `json:"uri"`      // Request-URI, "" if the request is not in the log
	From          string        `json:"from"`     // address of record, without display name and parameters
	CallID        string        `json:"callId"`
	CSeq          uint32        `json:"cseq"`          // of the last REGISTER
	Server        string        `json:"server"`        // as its answers name it, else its address; "" unknown
	Remote        string        `json:"remote"`        // address and port
	ServerHeader  string        `json:"serverHeader"`  // Server of the last answer
	UserAgent     string        `json:"userAgent"`     // of the request
	ClientVersion string        `json:"clientVersion"` // number in it, "15.0.4481.1000"
	// Outcome is succeeded, failed (a final refusal, never a challenge), challenged (the last answer is a challenge that was
	// not taken up), no-answer (the log goes on for 32 s and shows none), or incomplete (the log ends earlier, or a redirect sent
	// the client to another server).
	Outcome      string `json:"outcome"`
	FinalStatus  int    `json:"finalStatus"` // of the last leg, 0 without an answer
	FinalReason  string `json:"finalReason"`
	RedirectedTo string `json:"redirectedTo"` // host and port of the Contact that a final 3xx names, "" without
	Scheme       string `json:"scheme"`       // of the last credentials sent: NTLM, Kerberos, TLS-DSK; "" for none
	Legs         []Leg  `json:"legs"`
	// Diagnostics of all answers in order, and of a later notification that ended the registration ([MS-SIPREGE]: 4140 to 4142).
	Diagnostics []Diagnostic `json:"diagnostics"`
	// Repeats counts further attempts that ended alike and are left out beside this one, and LastAt is the start of the last of
	// them. Attempts leaves both zero: they are for whoever condenses its result.
	Repeats int       `json:"repeats,omitempty"`
	LastAt  time.Time `json:"lastAt,omitzero"`
}

// Leg is one REGISTER and its final answer.
type Leg struct {
	CSeq   uint32 `json:"cseq"`
	Status int    `json:"status"` // 0 while there is no final answer
	Reason string `json:"reason"`
	Scheme string `json:"scheme"` // of the credentials in the request, "" for none
	// RequestSeen is false where the log holds the answer only.
	RequestSeen bool `json:"requestSeen"`
	// Challenge reports that the answer asks for credentials, or for the next step of a handshake.
	Challenge bool `json:"challenge"`
	// Resent counts how often the same REGISTER was sent again (RFC 3261 section 17.1.2), as far as the log shows both.
	Resent int `json:"resent"`
	// Duration is the time from the first REGISTER to its answer; 0 without both, or without stamps.
	Duration    time.Duration `json:"duration"`
	SentAt      time.Time     `json:"sentAt"` // of the first REGISTER, zero if the log has no stamp or not the request
	Diagnostics []Diagnostic  `json:"diagnostics"`
}

// What Attempt.Outcome says.
const (
	outcomeSucceeded  = "succeeded"
	outcomeFailed     = "failed"
	outcomeChallenged = "challenged"
	outcomeNoAnswer   = "no-answer"
	outcomeIncomplete = "incomplete"
)

// Bounds of the state that Attempts keeps.
const (
	// dialogueSilence is 64*T1 of RFC 3261 section 17.1.2: a client transaction gives up after it.
	dialogueSilence = 32 * time.Second
	maxDialogues    = 1024
	maxLegs         = 256
	maxRegistered   = 4096
)

// Attempts pairs the REGISTER messages of a log with their answers by Call-ID and CSeq. A dialogue is yielded when the
// log's own clock has passed it by 32 s, in the order of their first messages, or when 1024 are open at once. Refreshes of an
// endpoint that has registered belong to its attempt and are yielded again only if they fail. Records without a message are
// passed over. An error of the log is yielded last, after the attempts seen before it.
func Attempts(log iter.Seq2[Record, error]) iter.Seq2[Attempt, error] {
	return func(yield func(Attempt, error) bool) {
		p := pairing{open: map[string]*dialogue{}, registered: map[string]string{}}
		for r, err := range log {
			if err != nil {
				p.closeAll()
				if p.emit(yield) {
					yield(Attempt{}, err)
				}
				return
			}
			p.tick(r.At)
			if r.Message != nil {
				p.add(r)
			}
			if !p.emit(yield) {
				return
			}
		}
		p.closeAll()
		p.emit(yield)
	}
}

type pairing struct {
	open       map[string]*dialogue // by Call-ID
	queue      []*dialogue          // in the order of their first messages
	registered map[string]string    // Call-ID of a registered endpoint -> its attempt's id
	order      []string             // of registered, oldest first
	count      int
	now        time.Time // of the log
	expires    time.Time // before it no open dialogue does
}

type dialogue struct {
	a       Attempt
	last    time.Time
	closed  bool
	refresh bool // of an attempt already yielded
	leaving bool // it asks to be unregistered

	direction string // of the last leg's first REGISTER
}

// tick sets the log's clock.
func (p *pairing) tick(at time.Time) {
	if at.IsZero() {
		return
	}
	if p.now = at; at.After(p.expires) {
		p.expire()
	}
}

func (p *pairing) add(r Record) {
	m := r.Message
	callID := m.Get("Call-ID")
	if callID == "" || len(callID) > 1024 {
		return
	}
	if m.Request && (m.Method == "NOTIFY" || m.Method == "BENOTIFY") {
		p.notify(m, callID)
		return
	}
	num, method, ok := m.CSeq()
	if !ok || !strings.EqualFold(method, "REGISTER") || m.Request && m.Method != "REGISTER" || !m.Request && m.Status < 200 {
		return
	}
	d := p.open[callID]
	if d == nil {
		d = p.start(r, callID)
	}
	d.last = r.At
	if at := r.At.Add(dialogueSilence); at.Before(p.expires) {
		p.expires = at
	}
	if m.Request {
		d.request(r, num)
	} else {
		d.answer(r, num)
	}
	if d.a.Remote == "" {
		d.a.Remote = strings.Clone(r.Remote)
	}
	if !r.At.IsZero() && !d.a.StartedAt.IsZero() {
		d.a.Duration = max(r.At.Sub(d.a.StartedAt), 0)
	}
	if len(d.a.Legs) >= maxLegs {
		p.close(d, true)
	}
}

// expire closes the dialogues that the log's clock has left behind.
func (p *pairing) expire() {
	p.expires = p.now.Add(dialogueSilence)
	for _, d := range p.queue {
		switch {
		case d.closed || d.last.IsZero():
		case p.now.Sub(d.last) > dialogueSilence:
			p.close(d, false)
		default:
			if at := d.last.Add(dialogueSilence); at.Before(p.expires) {
				p.expires = at
			}
		}
	}
}

func (p *pairing) start(r Record, callID string) *dialogue {
	p.count++
	callID = strings.Clone(callID)
	d := &dialogue{a: Attempt{ID: strconv.Itoa(p.count), File: r.File, Line: r.Line, StartedAt: r.At, Zoned: r.Zoned, Method: "REGISTER", CallID: callID}}
	_, d.refresh = p.registered[callID]
	p.open[callID] = d
	p.queue = append(p.queue, d)
	if len(p.queue) > maxDialogues && !p.queue[0].closed {
		p.close(p.queue[0], true)
	}
	return d
}

func (d *dialogue) request(r Record, num uint32) {
	a, m := &d.a, r.Message
	if a.URI == "" {
		a.URI = strings.Clone(m.URI)
		a.UserAgent = strings.Clone(m.Get("User-Agent"))
		a.ClientVersion = clientVersion(a.UserAgent)
	}
	if a.From == "" {
		a.From = strings.Clone(Address(m.Get("From")))
	}
	d.leaving = strings.TrimSpace(m.Get("Expires")) == "0"
	leg := a.leg(num)
	switch {
	case !leg.RequestSeen:
		leg.RequestSeen, leg.SentAt = true, r.At
		d.direction = r.Direction
	case leg.Status == 0 && r.Direction == d.direction:
		leg.Resent++ // else it is the same message traced twice: after the answer, or coming in and going out of an Edge
	}
	if scheme := credentialScheme(m); scheme != "" {
		leg.Scheme = strings.Clone(scheme)
		a.Scheme = leg.Scheme
	}
	a.CSeq = a.Legs[len(a.Legs)-1].CSeq
}

func (d *dialogue) answer(r Record, num uint32) {
	a, m := &d.a, r.Message
	leg := a.leg(num)
	if leg.Status != 0 {
		return // traced twice, or sent again
	}
	leg.Status, leg.Reason = m.Status, strings.Clone(m.Reason)
	if !leg.SentAt.IsZero() && !r.At.IsZero() {
		leg.Duration = max(r.At.Sub(leg.SentAt), 0)
	}
	for _, diag := range Diagnostics(m) {
		leg.Diagnostics = append(leg.Diagnostics, diag.clone())
	}
	a.Diagnostics = append(a.Diagnostics, leg.Diagnostics...)
	leg.Challenge = asksForCredentials(m, leg)
	if a.From == "" {
		a.From = strings.Clone(Address(m.Get("From")))
	}
	if name := answeringName(m); name != "" {
		a.Server = strings.Clone(name)
	}
	if m.Status < 400 && m.Status >= 300 {
		a.RedirectedTo = strings.Clone(hostPart(Address(m.Get("Contact"))))
	} else {
		a.RedirectedTo = ""
	}
	if s := m.Get("Server"); s != "" {
		a.ServerHeader = strings.Clone(s)
	}
	a.CSeq = a.Legs[len(a.Legs)-1].CSeq
}

// asksForCredentials tells a challenge from a refusal: both are 401 or 407. It is a refusal only as the answer to
// credentials whose handshake it does not continue.
func asksForCredentials(m *Message, leg *Leg) bool {
	if m.Status != 401 && m.Status != 407 {
		return false
	}
	if leg.RequestSeen && leg.Scheme == "" {
		return true
	}
	offered := Challenges(m)
	if slices.ContainsFunc(offered, func(c Challenge) bool { return c.Continues }) {
		return true
	}
	return !leg.RequestSeen && len(offered) > 0 && !slices.ContainsFunc(leg.Diagnostics, func(d Diagnostic) bool { return d.ID == 1000 || d.ID == 1013 })
}

// leg finds or adds the leg of a CSeq number.
func (a *Attempt) leg(num uint32) *Leg {
	for i := len(a.Legs) - 1; i >= 0; i-- {
		if a.Legs[i].CSeq == num {
			return &a.Legs[i]
		}
	}
	a.Legs = append(a.Legs, Leg{CSeq: num})
	return &a.Legs[len(a.Legs)-1]
}

// notify takes the end of a registration out of a registration event ([MS-SIPREGE] section 3.1).
func (p *pairing) notify(m *Message, callID string) {
	var ended []Diagnostic
	for _, d := range Diagnostics(m) {
		if d.ID >= 4140 && d.ID <= 4142 {
			ended = append(ended, d.clone())
		}
	}
	if len(ended) == 0 {
		return
	}
	d := p.open[callID]
	if d == nil && strings.Contains(strings.ToLower(m.Get("Event")), "registration") {
		user := Address(m.Get("To"))
		for _, o := range p.queue {
			if !o.closed && strings.EqualFold(o.a.From, user) {
				d = o
			}
		}
	}
	if d == nil || len(d.a.Diagnostics) >= maxLegs {
		return
	}
	d.a.Diagnostics = append(d.a.Diagnostics, ended...)
	d.last = p.now
}

// close settles what became of a dialogue; cut says that it ends by a bound or by the end of the log, not by silence.
func (p *pairing) close(d *dialogue, cut bool) {
	a := &d.a
	d.closed = true
	delete(p.open, a.CallID)
	last := a.Legs[len(a.Legs)-1]
	a.FinalStatus, a.FinalReason = last.Status, last.Reason
	if a.Server == "" {
		a.Server = a.Remote
	}
	switch {
	case last.Status == 0 && cut:
		a.Outcome = outcomeIncomplete
	case last.Status == 0:
		a.Outcome = outcomeNoAnswer
	case last.Status < 300:
		a.Outcome = outcomeSucceeded
	case last.Status < 400:
		a.Outcome = outcomeIncomplete
	case last.Challenge:
		a.Outcome = outcomeChallenged
	default:
		a.Outcome = outcomeFailed
	}
	if a.Outcome == outcomeSucceeded && !d.refresh {
		p.registered[a.CallID] = a.ID
		p.order = append(p.order, a.CallID)
		if len(p.order) > maxRegistered {
			delete(p.registered, p.order[0])
			p.order = p.order[1:]
		}
	}
}

func (p *pairing) closeAll() {
	for _, d := range p.queue {
		if !d.closed {
			p.close(d, d.last.IsZero() || p.now.Sub(d.last) <= dialogueSilence)
		}
	}
}

// emit yields closed dialogues from the head of the queue; it returns false when the consumer has stopped.
func (p *pairing) emit(yield func(Attempt, error) bool) bool {
	for len(p.queue) > 0 && p.queue[0].closed {
		d := p.queue[0]
		p.queue = p.queue[1:]
		if d.refresh && (d.leaving || d.a.Outcome != outcomeFailed && d.a.Outcome != outcomeNoAnswer) {
			continue
		}
		if !yield(d.a, nil) {
			return false
		}
	}
	return true
}

// clone copies a Diagnostic out of its message, which would otherwise stay in memory as a whole.
func (d Diagnostic) clone() Diagnostic {
	d.Header, d.SubError, d.Reason, d.Source = strings.Clone(d.Header), strings.Clone(d.SubError), strings.Clone(d.Reason), strings.Clone(d.Source)
	d.Params = slices.Clone(d.Params)
	for i := range d.Params {
		d.Params[i] = Param{Name: strings.Clone(d.Params[i].Name), Value: strings.Clone(d.Params[i].Value)}
	}
	return d
}

// Address takes the URI out of a From or To header (RFC 3261 section 20.10).
func Address(s string) string {
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		uri, _, _ := strings.Cut(s[i+1:], ">")
		return strings.TrimSpace(uri)
	}
	uri, _, _ := strings.Cut(s, ";")
	return strings.TrimSpace(uri)
}

// hostPart takes host and port out of a SIP URI.
func hostPart(uri string) string {
	if _, rest, ok := strings.Cut(uri, ":"); ok {
		uri = rest
	}
	uri, _, _ = strings.Cut(uri, ";")
	uri, _, _ = strings.Cut(uri, "?")
	if i := strings.LastIndexByte(uri, '@'); i >= 0 {
		uri = uri[i+1:]
	}
	return uri
}

// clientVersion takes the product version out of "UCCAPI/15.0.4481.1000 OC/15.0.4481.1000 (Microsoft Lync)": OC is the client,
// UCCAPI the library below it.
func clientVersion(userAgent string) string {
	for _, product := range [...]string{"OC/", "UCCAPI/"} {
		for word := range strings.FieldsSeq(userAgent) {
			if version, ok := strings.CutPrefix(word, product); ok {
				return version
			}
		}
	}
	return ""
}

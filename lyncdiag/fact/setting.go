package fact

import "time"

// Setting is what is known about the deployment and the place beforehand. An
// empty field is unknown (Deployment and Client: see their comments).
type Setting struct {
	Deployment   string `json:"deployment"`   // auto (or ""), online, hybrid, server
	Cloud        string `json:"cloud"`        // worldwide (or ""), gcc-high, dod, china
	Client       string `json:"client"`       // any (or ""), lync2010-rtm, lync2010, lync2013, sfb2016, mobile
	UserAgent    string `json:"userAgent"`    // overrides the client's own
	Location     string `json:"location"`     // inside, outside; "" unknown
	ManualServer string `json:"manualServer"` // host:port; "" the documented one of the cloud
}

// Answer is what a person answered to a question of the article.
type Answer struct {
	ID    string `json:"id"`    // see kb.Questions
	Value string `json:"value"` // yes, no, unknown, or as the question says
	At    string `json:"at"`    // RFC 3339; "" unknown
}

// Automatic is which server this client would choose by itself.
type Automatic struct {
	Host  string `json:"host"`  // "" when none is named without a web ticket
	Port  uint16 `json:"port"`  //
	Via   Via    `json:"via"`   //
	Works bool   `json:"works"` // the automatic way leads to a service that answers
	// Unproved: that service is Autodiscover, and the server it names, to a user who
	// has signed in or by a name that was not tried, is not known to answer.
	Unproved bool   `json:"unproved,omitempty"`
	Why      string `json:"why"` // in words
}

// Clock is this computer's clock against the Date of every server that sent
// one. Skew is positive when this computer is ahead.
type Clock struct {
	Samples  []ClockSample   `json:"samples"`
	Validity []ClockValidity `json:"validity,omitempty"`
}

// ClockValidity is when a server's certificate is valid. Where no server tells
// the time, certificates that are all too young or all too old do.
type ClockValidity struct {
	Host       string    `json:"host"`
	Thumbprint string    `json:"thumbprint"`
	NotBefore  time.Time `json:"notBefore"`
	NotAfter   time.Time `json:"notAfter"`
}

// ClockSample is one server's Date against this computer's clock.
type ClockSample struct {
	Host        string `json:"host"`
	SkewMillis  int64  `json:"skewMillis"`  // this computer minus server, at the middle of Date's second
	ErrorMillis int64  `json:"errorMillis"` // half the time the exchange took, plus half a second for Date's resolution
}

package fact

// Kind is where a fact comes from. The values are those of the report's
// evidence[].origin and verdict.path[].from.
type Kind string

// The kinds of origin, the most authoritative first.
const (
	Live      Kind = "live"
	Lab       Kind = "lab"
	Log       Kind = "log"
	Bundle    Kind = "bundle"
	Directory Kind = "directory"
	Interview Kind = "interview"
)

// Origin says where and by what a fact was seen.
type Origin struct {
	Kind  Kind   `json:"kind"`
	Where string `json:"where,omitempty"` // file, member of a bundle, question id; "" for the network
	Line  int    `json:"line,omitempty"`  // 1 is the first line; 0 unknown
}

func (o Origin) same(p Origin) bool { return o == p }

func (o Origin) rank() int {
	for i, k := range []Kind{Live, Lab, Log, Bundle, Directory, Interview} {
		if o.Kind == k {
			return i
		}
	}
	return len("interview") // unknown kinds last
}

// Class says what a piece of evidence is, so that it can be replaced by a
// pseudonym without guessing.
type Class string

// The classes of evidence. Text holds nothing of a person or an organisation;
// Prose is a sentence that may quote what does.
const (
	UserText Class = "user"
	HostText Class = "host"
	IPText   Class = "ip"
	URLText  Class = "url"
	Text     Class = "text"
	Prose    Class = "prose"
)

// Evidence is one observed value behind a finding.
type Evidence struct {
	Key    string `json:"key"`
	Class  Class  `json:"class"`
	Value  string `json:"value"`
	Origin Origin `json:"origin"`
}

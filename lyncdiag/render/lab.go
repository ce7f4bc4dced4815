package render

// Fault is one thing that the lab can break.
type Fault struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Expected    string `json:"expected"` // the finding it must be diagnosed as
	Base        string `json:"base"`     // the healthy lab it starts from
}

// faultsDoc is lyncdiag.faults/v1.
type faultsDoc struct {
	Schema string  `json:"schema"`
	Faults []Fault `json:"faults"`
}

// Faults is lyncdiag.faults/v1.
func (t Tool) Faults(faults []Fault) Document {
	return Document{&faultsDoc{"lyncdiag.faults/v1", list(faults)}}
}

func (d *faultsDoc) text(s *sheet) {
	for _, f := range d.Faults {
		s.entry(margin, f.Name+" ("+f.Base+")")
		s.entry(margin+4, f.Description)
		if f.Expected != f.Name && f.Expected != "" {
			s.entry(margin+4, "diagnosed as "+f.Expected)
		}
	}
	s.blank()
	s.line(count(len(d.Faults), "fault") + ". One or several of them: lyncdiag check --lab=NAME[,NAME]")
}

// labDoc is lyncdiag.lab/v1.
type labDoc struct {
	Schema string   `json:"schema"`
	Flags  []string `json:"flags"` // that point a command at the lab
}

// Lab is lyncdiag.lab/v1: how a command finds a lab on loopback.
func (t Tool) Lab(flags []string) Document { return Document{&labDoc{"lyncdiag.lab/v1", list(flags)}} }

func (d *labDoc) text(s *sheet) {
	s.line("The lab is up until this command ends. Point another one at it:")
	s.blank()
	for _, f := range d.Flags {
		s.entry(margin, f)
	}
}

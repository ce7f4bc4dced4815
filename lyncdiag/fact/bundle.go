package fact

// PortQuery is what PortQry said of a port on the user's computer (KB 832919).
type PortQuery struct {
	Host      string     `json:"host"`      // as it was asked, in lower case; "" where the text does not say
	Address   string     `json:"address"`   // that Host resolved to; "" where the text does not say
	Name      string     `json:"name"`      // that Host, an address, resolved to; "" where the text does not say
	Port      uint16     `json:"port"`      // 0 where the text does not say
	Transport string     `json:"transport"` // tcp or udp
	Status    PortStatus `json:"status"`
	Line      int        `json:"line"` // in the file, from 1
}

// BundleFile is one file of a support bundle.
type BundleFile struct {
	Path  string `json:"path"` // a member of an archive after a "!"
	Kind  string `json:"kind"` // log, nslookup, portqry, client or other; what Bundle.Offer hands out has the kind that its reader gives
	Bytes int64  `json:"bytes"`
	Note  string `json:"note"` // why it was not read, or not to its end; "" for nothing to say
}

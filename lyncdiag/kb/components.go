package kb

// Component is a part of the client that makes connections of its own.
type Component struct {
	Name   string
	Source string // where Windows keeps its proxy: WinINET or WinHTTP
	Proxy  string // the same in words, as a clause
	KB     string
}

// Components returns the parts of the client that may go different ways
// through a network with a proxy (KB 2769142).
func Components() []Component {
	return []Component{
		{Name: "Lync", Source: "WinINET", Proxy: "takes the proxy of Internet Options > Connections > LAN settings, a PAC file included", KB: "KB2769142"},
		{Name: "Sign-In Assistant (msoidsvc.exe)", Source: "WinHTTP", Proxy: "takes the proxy of WinHTTP (netsh winhttp show proxy), and goes direct where that is a PAC file from file://", KB: "KB2769142"},
	}
}

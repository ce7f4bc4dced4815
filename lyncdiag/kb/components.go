package kb

// Component is a part of the client that makes connections of its own.
type Component struct {
	Name  string
	Proxy string // where it takes its proxy from, as a clause
	KB    string
}

// Components returns the parts of the client that may go different ways
// through a network with a proxy (KB 2769142).
func Components() []Component {
	return []Component{
		{Name: "Lync", Proxy: "takes the proxy of Internet Options > Connections > LAN settings, a PAC file included", KB: "KB2769142"},
		{Name: "Sign-In Assistant (msoidsvc.exe)", Proxy: "takes the proxy through WinHTTP, which reads no PAC file from file://; it goes direct then", KB: "KB2769142"},
	}
}

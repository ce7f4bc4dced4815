package fact

import (
	"strconv"
	"strings"
	"time"
)

// Client is the Lync client of one computer, as it was found there or in an export
// of it. Where a field says yes or no, "" is unknown: nobody looked, or could not.
type Client struct {
	At time.Time `json:"at"` // when the computer was looked at; zero unknown

	OS        string `json:"os"`        // "Windows 7 Professional", "macOS"; "" unknown
	OSVersion string `json:"osVersion"` // "6.1.7601"; "" unknown
	OSService string `json:"osService"` // "Service Pack 1"; "" for none or unknown

	Products []ClientProduct `json:"products"`
	// ProductsRead: the list of what is installed was looked at, so that without
	// Products there is no client.
	ProductsRead bool `json:"productsRead"`

	Running string `json:"running"` // a client's process: yes, no

	// The Microsoft Online Services Sign-In Assistant.
	Assistant        string `json:"assistant"`        // installed: yes, no
	AssistantVersion string `json:"assistantVersion"` // "" unknown
	AssistantService string `json:"assistantService"` // running, stopped, disabled
	// AssistantSkew is the clock's difference in seconds that it noted (KB 2581291); nil without one.
	AssistantSkew *int64 `json:"assistantSkew,omitempty"`

	WindowsUpdate string `json:"windowsUpdate"` // installs or offers updates by itself: yes, no
	OfficeUpdate  string `json:"officeUpdate"`  // Office updates itself: yes, no

	Profiles []ClientProfile `json:"profiles"` // a generation's settings of the user
	Accounts []ClientAccount `json:"accounts"` // saved sign-in information

	Certificates     []ClientCertificate `json:"certificates"`     // of Communications Server, and those that bear an account's address
	CertificatesRead bool                `json:"certificatesRead"` // the user's personal store was looked at
	Credentials      []string            `json:"credentials"`      // targets of Credential Manager that are Lync's or Office's
	CredentialsRead  bool                `json:"credentialsRead"`

	WinINET []ClientSwitch `json:"winINET"` // proxy settings of Internet Options
	WinHTTP []ClientSwitch `json:"winHTTP"` // of services
	// TLS has SChannel's and WinHTTP's switches that are set, such as "TLS 1.2 Client Enabled".
	TLS []ClientSwitch `json:"tls"`

	TimeService string `json:"timeService"` // automatic, manual, disabled; running or stopped behind a comma where known
	TimeSource  string `json:"timeSource"`  // "NT5DS", "time.windows.com,0x9"
	TimeZone    string `json:"timeZone"`
	// BracedGUID: HKLM\SOFTWARE\Microsoft\Cryptography\MachineGuid holds braces, which
	// keeps the key of a personal certificate from being found (KB 2604176).
	BracedGUID bool `json:"bracedGuid"`

	Gaps []ClientSwitch `json:"gaps"` // what could not be read, and why
}

// ClientSwitch is a setting by its name.
type ClientSwitch struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ClientProduct is one installed client.
type ClientProduct struct {
	Generation string `json:"generation"` // communicator, lync2010, lync2013, sfb2015, sfb2016, sfb2019, sfb2021, lync2011-mac
	Name       string `json:"name"`       // as the system lists it
	Version    string `json:"version"`    // "4.0.7577.4409"; "" unknown
	From       string `json:"from"`       // file, click-to-run, installer: where the version was read; an installer's entry may be older than the file
}

// Older reports whether the product's version is known and lower than another, part
// by part.
func (p ClientProduct) Older(version string) bool {
	own, other := strings.Split(p.Version, "."), strings.Split(version, ".")
	for i := range min(len(own), len(other)) {
		a, errA := strconv.ParseUint(own[i], 10, 32)
		b, errB := strconv.ParseUint(other[i], 10, 32)
		if errA != nil || errB != nil || a != b {
			return errA == nil && errB == nil && a < b
		}
	}
	return false
}

// ClientProfile is what one generation of the client has set for the user.
type ClientProfile struct {
	Generation string `json:"generation"` // lync2010, lync2013 (and 2015), sfb2016 (and later)
	SignIn     string `json:"signIn"`     // the address last used
	Mode       string `json:"mode"`       // manual, automatic; "" not set, which is automatic
	Policy     bool   `json:"policy"`     // the servers are set by policy, which the user cannot change
	Internal   string `json:"internal"`   // server names of manual configuration
	External   string `json:"external"`   //
	SavesLogin string `json:"savesLogin"` // the password is to be saved: yes, no
	Trace      string `json:"trace"`      // off, light, full, on (Lync 2010)
	// Switches are further values that bear on sign-in, such as EnableADAL and TrustModelData.
	Switches []ClientSwitch `json:"switches"`
	LogAt    time.Time      `json:"logAt"` // the newest log was last written; zero without one
}

// ClientAccount is the saved sign-in information of one address.
type ClientAccount struct {
	Address    string    `json:"address"`
	Generation string    `json:"generation"`
	Folder     string    `json:"folder"`   // below the user's profile, with slashes
	Files      int       `json:"files"`    // in it
	CacheAt    time.Time `json:"cacheAt"`  // EndpointConfiguration.cache was last written; zero without one
	Registry   string    `json:"registry"` // key; "" without one
}

// ClientCertificate is one certificate of the user's personal store.
type ClientCertificate struct {
	Subject    string    `json:"subject"`
	Issuer     string    `json:"issuer"`
	NotBefore  time.Time `json:"notBefore"`
	NotAfter   time.Time `json:"notAfter"`
	Thumbprint string    `json:"thumbprint"` // SHA-1, upper case
	Key        string    `json:"key"`        // a private key is linked: yes, no
}

package client

import (
	"cmp"
	"crypto/sha1"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

const (
	machine = `HKEY_LOCAL_MACHINE\`
	user    = `HKEY_CURRENT_USER\`
)

// generation is where one generation of the client keeps its things (KB 2604176;
// "Unable to sign in to Skype for Business" for 15.0 and 16.0).
type generation struct {
	name     string
	settings []string // keys below HKCU
	policy   string   // key below HKLM and HKCU
	folders  []string // of sign-in folders, below the profile
	roaming  string   // folder of AccountProfiles.dat
	tracing  string   // folder of logs
}

var generations = []generation{
	{
		name: "lync2010", settings: []string{`Software\Microsoft\Shared\UcClient`, `Software\Microsoft\Communicator`}, policy: `Software\Policies\Microsoft\Communicator`,
		// The second is that of Windows XP.
		folders: []string{"AppData/Local/Microsoft/Communicator", "Local Settings/Application Data/Microsoft/Communicator"}, tracing: "Tracing",
	},
	office("lync2013", "15.0"),
	office("sfb2016", "16.0"),
}

func office(name, version string) generation {
	return generation{
		name: name, settings: []string{`Software\Microsoft\Office\` + version + `\Lync`}, policy: `Software\Policies\Microsoft\Office\` + version + `\Lync`,
		folders: []string{"AppData/Local/Microsoft/Office/" + version + "/Lync"}, roaming: "AppData/Roaming/Microsoft/Office/" + version + "/Lync",
		tracing: "AppData/Local/Microsoft/Office/" + version + "/Lync/Tracing",
	}
}

// Inspect looks at the client. What cannot be read stands among its gaps.
func (c *Computer) Inspect() *fact.Client {
	x := &fact.Client{
		At: c.noted.At, Products: []fact.ClientProduct{}, Profiles: []fact.ClientProfile{}, Accounts: []fact.ClientAccount{}, Certificates: []fact.ClientCertificate{},
		Credentials: []string{}, WinINET: []fact.ClientSwitch{}, WinHTTP: []fact.ClientSwitch{}, TLS: []fact.ClientSwitch{}, Gaps: []fact.ClientSwitch{},
	}
	c.windows(x)
	c.products(x)
	c.assistant(x)
	c.updates(x)
	for _, g := range generations {
		c.profileOf(x, g)
		c.accounts(x, g)
	}
	c.certificates(x)
	c.mac(x)
	x.Credentials, x.CredentialsRead = append(x.Credentials, c.noted.Credentials...), c.noted.CredentialsRead
	c.running(x)
	c.proxies(x)
	c.protocols(x)
	c.clock(x)
	x.Gaps = append(x.Gaps, c.gaps...)
	return x
}

func (c *Computer) windows(x *fact.Client) {
	k, _ := c.key(machine + `SOFTWARE\Microsoft\Windows NT\CurrentVersion`)
	if k == nil {
		return
	}
	x.OS, x.OSService = k.text("ProductName"), k.text("CSDVersion")
	number := k.text("CurrentVersion")
	if major, ok := k.number("CurrentMajorVersionNumber"); ok {
		minor, _ := k.number("CurrentMinorVersionNumber")
		number = fmt.Sprintf("%d.%d", major, minor)
	}
	if build := cmp.Or(k.text("CurrentBuildNumber"), k.text("CurrentBuild")); number != "" && build != "" {
		x.OSVersion = number + "." + build
		// ProductName of Windows 11 says Windows 10.
		if n, err := strconv.Atoi(build); err == nil && n >= 22000 {
			x.OS = strings.Replace(x.OS, "Windows 10", "Windows 11", 1)
		}
	}
}

// products looks in the order of trust: the file itself, Click-to-Run, the
// installer's list, whose entry keeps the version of the first installation.
func (c *Computer) products(x *fact.Client) {
	x.ProductsRead = true
	add := func(p fact.ClientProduct) {
		same := func(o fact.ClientProduct) bool {
			return o.Generation == p.Generation || strings.HasPrefix(o.Version, "15.0.") && strings.HasPrefix(p.Version, "15.0.") || strings.HasPrefix(o.Version, "16.0.") && strings.HasPrefix(p.Version, "16.0.")
		}
		if p.Generation != "" && !slices.ContainsFunc(x.Products, same) {
			x.Products = append(x.Products, p)
		}
	}
	for _, view := range []string{`SOFTWARE\`, `SOFTWARE\Wow6432Node\`} {
		for _, place := range []struct{ key, exe string }{
			{`Microsoft\Communicator`, "communicator.exe"}, {`Microsoft\Office\15.0\Lync`, "lync.exe"}, {`Microsoft\Office\16.0\Lync`, "lync.exe"},
		} {
			k, _ := c.key(machine + view + place.key)
			folder := k.text("InstallationDirectory")
			if folder == "" {
				continue
			}
			if v := c.version(strings.TrimRight(folder, `\`) + `\` + place.exe); v != "" {
				g, name := generationOf(v, "")
				add(fact.ClientProduct{Generation: g, Name: name, Version: v, From: "file"})
			}
		}
	}
	for _, place := range []string{`SOFTWARE\Microsoft\Office\15.0\ClickToRun\Configuration`, `SOFTWARE\Microsoft\Office\ClickToRun\Configuration`} {
		k, _ := c.key(machine + place)
		v, releases := k.text("VersionToReport"), k.text("ProductReleaseIds")
		// Which applications of a suite were left out is another value; without Lync in
		// either list the suite may lack it.
		if v == "" || strings.Contains(strings.ToLower(k.text("O365ProPlusRetail.ExcludedApps")), "lync") {
			continue
		}
		g, name := generationOf(v, releases)
		if releases != "" {
			name += " (" + releases + ")"
		}
		if c.hasLync(g, releases) {
			add(fact.ClientProduct{Generation: g, Name: name, Version: v, From: "click-to-run"})
		}
	}
	for _, view := range []string{`SOFTWARE\`, `SOFTWARE\Wow6432Node\`} {
		place := machine + view + `Microsoft\Windows\CurrentVersion\Uninstall`
		list, err := c.registry.read(place)
		c.seen.key(place, &key{}, err) // what is installed besides is no part of an export
		if err != nil {
			x.ProductsRead = x.ProductsRead && errors.Is(err, fs.ErrNotExist)
			continue
		}
		for _, sub := range list.subkeys {
			k, err := c.registry.read(place + `\` + sub)
			if err != nil {
				continue
			}
			name, v := k.text("DisplayName"), k.text("DisplayVersion")
			if strings.Contains(strings.ToLower(name), "sign-in assistant") && strings.Contains(strings.ToLower(name), "online") {
				c.seen.key(place+`\`+sub, k, nil)
				x.Assistant, x.AssistantVersion = "yes", cmp.Or(x.AssistantVersion, v)
				continue
			}
			if !clientName.MatchString(name) {
				continue
			}
			c.seen.key(place+`\`+sub, k, nil)
			g, _ := generationOf(v, "")
			add(fact.ClientProduct{Generation: g, Name: name, Version: v, From: "installer"})
		}
	}
}

// clientName is a client's name in the installer's list. Language packs and the
// parts of a suite bear the language's name or MUI.
var clientName = regexp.MustCompile(`(?i)^(microsoft )?(office communicator 2007( r2)?|lync( basic)? 20(10|13|16)|lync 2010 attendee|skype for business( basic)? 20\d\d)( attendee)?$`)

// hasLync: a suite of Click-to-Run holds the client, as far as its key or the name
// of the release says.
func (c *Computer) hasLync(generation, releases string) bool {
	version := "16.0"
	if generation == "lync2013" || generation == "sfb2015" {
		version = "15.0"
	}
	lower := strings.ToLower(releases)
	if strings.Contains(lower, "lync") || strings.Contains(lower, "skypeforbusiness") {
		return true
	}
	k, _ := c.key(user + `Software\Microsoft\Office\` + version + `\Lync`)
	return k != nil
}

// generationOf names the client of a version. 15.0.4711.1002 is the update of April
// 2015 that made Skype for Business of Lync 2013 (KB 2889923).
func generationOf(v, releases string) (generation, name string) {
	lower := strings.ToLower(releases)
	switch {
	case strings.HasPrefix(v, "2.") || strings.HasPrefix(v, "3.5."):
		return "communicator", "Office Communicator 2007"
	case strings.HasPrefix(v, "4.0."):
		return "lync2010", "Lync 2010"
	case strings.HasPrefix(v, "15.0.") && (fact.ClientProduct{Version: v}).Older("15.0.4711.1002"):
		return "lync2013", "Lync 2013"
	case strings.HasPrefix(v, "15.0."):
		return "sfb2015", "Skype for Business 2015"
	case strings.HasPrefix(v, "16.0.") && strings.Contains(lower, "2019"):
		return "sfb2019", "Skype for Business LTSC 2019"
	case strings.HasPrefix(v, "16.0.") && strings.Contains(lower, "2021"):
		return "sfb2021", "Skype for Business LTSC 2021"
	case strings.HasPrefix(v, "16.0."):
		return "sfb2016", "Skype for Business 2016"
	}
	return "", ""
}

func (c *Computer) version(file string) string {
	for _, v := range c.noted.Versions {
		if strings.EqualFold(v.Path, file) {
			return v.Version
		}
	}
	if c.where != "" {
		return ""
	}
	v := fileVersion(file)
	if v != "" {
		c.noted.Versions = append(c.noted.Versions, version{file, v})
	}
	return v
}

func (c *Computer) assistant(x *fact.Client) {
	k, looked := c.key(machine + `SOFTWARE\Microsoft\MSOIdentityCRL`)
	wow, _ := c.key(machine + `SOFTWARE\Wow6432Node\Microsoft\MSOIdentityCRL`)
	s, service := c.key(machine + `SYSTEM\CurrentControlSet\Services\msoidsvc`)
	switch {
	case s != nil || k.text("TargetDir") != "" || wow.text("TargetDir") != "":
		x.Assistant = "yes"
	case service && (looked || x.Assistant == ""):
		x.Assistant = cmp.Or(x.Assistant, "no")
	}
	for _, name := range []string{"MSOIDCRLVersion", "Version"} {
		x.AssistantVersion = cmp.Or(x.AssistantVersion, k.text(name), wow.text(name))
	}
	if start, ok := s.number("Start"); ok && start == startDisabled {
		x.AssistantService = "disabled"
	}
	if state := c.state("msoidsvc"); state == "running" || state == "stopped" && x.AssistantService == "" {
		x.AssistantService = state
	}
	skew, _ := c.key(`HKEY_USERS\.DEFAULT\Software\Microsoft\MSOIdentityCRL`)
	if n, ok := skew.number("ClockSkew"); ok {
		seconds := int64(int32(n))
		x.AssistantSkew = &seconds
	}
}

// The start types of a service.
const (
	startAutomatic = 2
	startManual    = 3
	startDisabled  = 4
)

func (c *Computer) state(name string) string {
	for _, s := range c.noted.Services {
		if strings.EqualFold(s.Name, name) {
			return s.State
		}
	}
	return ""
}

func (c *Computer) updates(x *fact.Client) {
	policy, _ := c.key(machine + `SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU`)
	own, _ := c.key(machine + `SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update`)
	// AUOptions: 1 is never, 2 to 5 tell, download or install.
	if n, ok := policy.number("NoAutoUpdate"); ok {
		x.WindowsUpdate = map[bool]string{true: "no", false: "yes"}[n == 1]
	} else if n, ok := own.number("AUOptions"); ok && n >= 1 && n <= 5 {
		x.WindowsUpdate = map[bool]string{true: "no", false: "yes"}[n == 1]
	}
	for _, place := range []string{`SOFTWARE\Microsoft\Office\15.0\ClickToRun\Configuration`, `SOFTWARE\Microsoft\Office\ClickToRun\Configuration`} {
		k, _ := c.key(machine + place)
		switch strings.ToLower(k.text("UpdatesEnabled")) {
		case "true":
			x.OfficeUpdate = cmp.Or(x.OfficeUpdate, "yes")
		case "false":
			x.OfficeUpdate = "no"
		}
	}
	for _, v := range []string{"15.0", "16.0"} {
		k, _ := c.key(machine + `SOFTWARE\Policies\Microsoft\Office\` + v + `\Common\OfficeUpdate`)
		if n, ok := k.number("EnableAutomaticUpdates"); ok && n == 0 {
			x.OfficeUpdate = "no"
		}
	}
}

// profileOf reads the user's settings; a policy of the computer counts before the
// user's, and both before what the user has set.
func (c *Computer) profileOf(x *fact.Client, g generation) {
	var places []*key
	found := false
	for _, hive := range []string{machine, user} {
		k, _ := c.key(hive + g.policy)
		places = append(places, k)
		found = found || k != nil && hive == user
	}
	for _, name := range g.settings {
		k, _ := c.key(user + name)
		places = append(places, k)
		found = found || k != nil
	}
	p := fact.ClientProfile{Generation: g.name, Switches: []fact.ClientSwitch{}}
	get := func(name string) (value, int) {
		for i, k := range places {
			if v, ok := k.value(name); ok {
				return v, i
			}
		}
		return value{}, -1
	}
	yes := func(name string) string {
		v, _ := get(name)
		n, ok := v.number()
		if !ok {
			return ""
		}
		return map[bool]string{true: "yes", false: "no"}[n != 0]
	}
	if v, _ := get("ServerSipUri"); v.text() != "" {
		p.SignIn = strings.TrimPrefix(v.text(), "sip:")
	}
	if v, at := get("ConfigurationMode"); at >= 0 {
		n, _ := v.number()
		p.Mode, p.Policy = map[bool]string{true: "manual", false: "automatic"}[n == 1], at < 2
	}
	internal, _ := get("ServerAddressInternal")
	external, _ := get("ServerAddressExternal")
	p.Internal, p.External = internal.text(), external.text()
	p.SavesLogin = yes("SavePassword")
	for _, name := range []string{"EnableTracing", "EnableLogCollecting"} {
		if on := yes(name); on != "" && g.name == "lync2010" && p.Trace != "on" {
			p.Trace = map[string]string{"yes": "on", "no": "off"}[on]
		}
	}
	if v, _ := get("TracingLevel"); v.text() != "" {
		p.Trace = strings.ToLower(v.text())
	}
	for _, name := range []string{"Transport", "TrustModelData", "DisableServerCheck", "AllowAdalForNonLyncIndependentOfLync", "EnableSIPHighSecurityMode", "DisableHttpConnect", "DisableNTCredentials"} {
		if v, at := get(name); at >= 0 {
			p.Switches = append(p.Switches, fact.ClientSwitch{Name: name, Value: v.text()})
		}
	}
	if version, ok := strings.CutPrefix(path.Base(path.Dir(g.roaming)), "1"); ok {
		k, _ := c.key(user + `Software\Microsoft\Office\1` + version + `\Common\Identity`)
		for _, name := range []string{"EnableADAL", "Version", "DisableADALatopWAMOverride", "DisableAADWAM"} {
			if v, ok := k.value(name); ok {
				p.Switches = append(p.Switches, fact.ClientSwitch{Name: `Identity\` + name, Value: v.text()})
			}
		}
	}
	logs, _ := c.dir(g.tracing)
	for _, f := range logs {
		name := strings.ToLower(f.Name())
		if strings.HasSuffix(name, ".uccapilog") && f.ModTime().After(p.LogAt) {
			p.LogAt = f.ModTime().UTC()
		}
	}
	if found || !p.LogAt.IsZero() {
		x.Profiles = append(x.Profiles, p)
	}
}

// signInFolder is the address of a sign-in folder: sip_joe@contoso.com, or the
// address alone.
func signInFolder(name string) (address string, ok bool) {
	address = strings.TrimPrefix(name, "sip_")
	return address, strings.Count(address, "@") == 1 && !strings.HasPrefix(address, "@") && !strings.HasSuffix(address, "@")
}

const cacheName = "EndpointConfiguration.cache"

func (c *Computer) accounts(x *fact.Client, g generation) {
	from := len(x.Accounts)
	for _, folder := range g.folders {
		list, _ := c.dir(folder)
		for _, f := range list {
			address, ok := signInFolder(f.Name())
			if !ok || !f.IsDir() {
				continue
			}
			a := fact.ClientAccount{Address: address, Generation: g.name, Folder: folder + "/" + f.Name()}
			files, _ := c.dir(a.Folder)
			a.Files = len(files)
			for _, f := range files {
				if strings.EqualFold(f.Name(), cacheName) && f.Mode().IsRegular() {
					a.CacheAt = f.ModTime().UTC()
					if c.seen != nil {
						c.file(a.Folder + "/" + f.Name()) // goes along for a person to look at
					}
				}
			}
			x.Accounts = append(x.Accounts, a)
		}
	}
	for _, name := range g.settings {
		k, _ := c.key(user + name)
		if k == nil {
			continue
		}
		for _, sub := range k.subkeys {
			address, ok := signInFolder(sub)
			if !ok {
				continue
			}
			own := x.Accounts[from:]
			i := slices.IndexFunc(own, func(a fact.ClientAccount) bool { return strings.EqualFold(a.Address, address) })
			if i < 0 {
				x.Accounts = append(x.Accounts, fact.ClientAccount{Address: address, Generation: g.name})
				own = x.Accounts[from:]
				i = len(own) - 1
			}
			own[i].Registry = user + name + `\` + sub
			c.seen.key(own[i].Registry, &key{}, nil)
		}
	}
	if g.roaming != "" {
		c.dir(g.roaming)
	}
	sort.SliceStable(x.Accounts[from:], func(i, j int) bool { return x.Accounts[from+i].Address < x.Accounts[from+j].Address })
}

const certificateFolder = "AppData/Roaming/Microsoft/SystemCertificates/My/Certificates"

// issuerName stands in the issuer of the certificates that Lync gets for its users
// (KB 2604176).
const issuerName = "Communications Server"

func (c *Computer) certificates(x *fact.Client) {
	list, looked := c.dir(certificateFolder)
	x.CertificatesRead = looked
	for _, f := range list {
		if f.IsDir() {
			continue
		}
		name := certificateFolder + "/" + f.Name()
		seen := c.seen
		c.seen = nil // only Lync's go into an export
		b, err := c.file(name)
		c.seen = seen
		if err != nil {
			if looked && c.where == "" {
				c.gap(name, err)
			}
			continue
		}
		cert, hasKey, err := parseStored(b)
		if err != nil {
			c.gap(name, err)
			continue
		}
		ours := cert.Issuer.CommonName == issuerName
		for _, a := range x.Accounts {
			ours = ours || strings.EqualFold(strings.TrimPrefix(cert.Subject.CommonName, "sip:"), a.Address)
		}
		if !ours {
			continue
		}
		c.seen.file(name, b, nil)
		sum := sha1.Sum(cert.Raw)
		x.Certificates = append(x.Certificates, fact.ClientCertificate{
			Subject: cert.Subject.String(), Issuer: cert.Issuer.String(), NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(),
			Thumbprint: strings.ToUpper(hex.EncodeToString(sum[:])), Key: map[bool]string{true: "yes", false: "no"}[hasKey],
		})
	}
	sort.SliceStable(x.Certificates, func(i, j int) bool { return x.Certificates[i].Thumbprint < x.Certificates[j].Thumbprint })
}

// parseStored reads a certificate as Windows keeps it in a file of the user's store:
// properties, each with its number, an encoding and its length. 2 (and 5) name the key's
// container, 32 is the certificate.
func parseStored(b []byte) (cert *x509.Certificate, hasKey bool, err error) {
	for len(b) >= 12 {
		id, n := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[8:])
		if uint64(n) > uint64(len(b)-12) {
			break
		}
		data := b[12 : 12+n]
		b = b[12+n:]
		switch id {
		case 2, 5:
			hasKey = hasKey || n > 0
		case 32:
			if cert, err = x509.ParseCertificate(data); err != nil {
				return nil, false, fmt.Errorf("it holds no certificate that can be read: %w", err)
			}
		}
	}
	if cert == nil {
		return nil, false, fmt.Errorf("it holds no certificate, or is cut off")
	}
	return cert, hasKey, nil
}

// ofLync tells the credentials that Lync and Office keep in Credential Manager.
func ofLync(target string) bool {
	lower := strings.ToLower(target)
	return strings.HasPrefix(lower, "microsoft_oc1:") || strings.HasPrefix(lower, "microsoftoffice1") || strings.HasPrefix(lower, "microsoftaccount:target=sso_pop") || strings.HasPrefix(lower, "msoidcrl")
}

func (c *Computer) running(x *fact.Client) {
	if c.noted.ProcessesRead {
		x.Running = map[bool]string{true: "yes", false: "no"}[len(c.noted.Processes) > 0]
	}
}

func (c *Computer) proxies(x *fact.Client) {
	const settings = `Microsoft\Windows\CurrentVersion\Internet Settings`
	k, _ := c.key(user + `Software\` + settings)
	for _, name := range []string{"ProxyEnable", "ProxyServer", "ProxyOverride", "AutoConfigURL"} {
		if v, ok := k.value(name); ok && v.text() != "" {
			x.WinINET = append(x.WinINET, fact.ClientSwitch{Name: name, Value: withoutLogin(name, v.text())})
		}
	}
	k, _ = c.key(user + `Software\` + settings + `\Connections`)
	if v, ok := k.value("DefaultConnectionSettings"); ok && len(v.data) > connectionFlags {
		x.WinINET = append(x.WinINET, fact.ClientSwitch{Name: "AutoDetect", Value: map[bool]string{true: "1", false: "0"}[v.data[connectionFlags]&8 != 0]})
	}
	k, looked := c.key(machine + `SOFTWARE\` + settings + `\Connections`)
	v, ok := k.value("WinHttpSettings")
	switch {
	case ok:
		server, bypass, err := winHTTP(v)
		if err != nil {
			c.gap("WinHttpSettings", err)
			return
		}
		x.WinHTTP = append(x.WinHTTP, fact.ClientSwitch{Name: "ProxyServer", Value: withoutLogin("ProxyServer", server)})
		if bypass != "" {
			x.WinHTTP = append(x.WinHTTP, fact.ClientSwitch{Name: "ProxyOverride", Value: withoutLogin("ProxyOverride", bypass)})
		}
	case looked:
		x.WinHTTP = append(x.WinHTTP, fact.ClientSwitch{Name: "ProxyServer"}) // direct
	}
}

// connectionFlags is where DefaultConnectionSettings has its flags (8: detect by itself).
const connectionFlags = 8

// withoutLogin is a proxy setting without users and passwords: AutoConfigURL, which is
// a URL, or proxies and hosts as in "http=http://joe:secret@proxy:8080;https=proxy:443".
func withoutLogin(name, value string) string {
	if strings.EqualFold(name, "AutoConfigURL") {
		value = withoutUser(value)
		if i := strings.IndexAny(value, "?#"); i >= 0 {
			value = value[:i] // a query may hold a password as well
		}
		return value
	}
	if !strings.Contains(value, "@") {
		return value
	}
	var list []string
	for _, proxy := range strings.FieldsFunc(value, func(r rune) bool { return r == ';' || unicode.IsSpace(r) }) {
		protocol := proxyProtocol.FindString(proxy)
		host := proxy[len(protocol):]
		host = host[strings.LastIndexByte(host, '@')+1:]
		if plainHost.MatchString(host) { // else it is a part of a password
			list = append(list, protocol+host)
		}
	}
	return strings.Join(list, ";")
}

// withoutUser cuts the user and the password out of a URL.
func withoutUser(text string) string {
	scheme := urlScheme.FindString(text)
	rest := text[len(scheme):]
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	if strings.Contains(authority, "@") {
		return scheme + rest[strings.LastIndexByte(authority, '@')+1:]
	}
	// Else a password has such a sign, as "joe:1/2@wpad" has.
	if plainHost.MatchString(authority) && (strings.Contains(authority, ".") || !strings.Contains(authority, ":")) {
		return text
	}
	return scheme + rest[strings.LastIndexByte(rest, '@')+1:]
}

var (
	urlScheme     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	proxyProtocol = regexp.MustCompile(`^(?i)((https?|ftp|gopher|socks[45]?)=)?((https?|socks[45]?)://)?`)
	plainHost     = regexp.MustCompile(`^(\[[0-9A-Fa-f:.%]+\]|[^:@\[\]]+)(:[0-9]+)?/?$`)
)

// winHTTP reads the value that "netsh winhttp set proxy" writes: a version, a
// counter, flags (2: through a proxy; 8 is the highest), then the proxy and the bypass
// list behind their lengths.
func winHTTP(v value) (server, bypass string, err error) {
	if v.kind != typeBinary || len(v.data) < winHTTPTexts {
		return "", "", errLayout
	}
	switch flags := binary.LittleEndian.Uint32(v.data[8:]); {
	case flags > 15:
		return "", "", errLayout
	case flags&2 == 0:
		return "", "", nil
	}
	rest := v.data[winHTTPTexts:]
	for _, to := range []*string{&server, &bypass} {
		if len(rest) < 4 || uint64(binary.LittleEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return "", "", errLayout
		}
		n := binary.LittleEndian.Uint32(rest)
		*to = strings.ToValidUTF8(strings.TrimRight(string(rest[4:4+n]), "\x00"), "\uFFFD")
		rest = rest[4+n:]
	}
	return server, bypass, nil
}

// winHTTPTexts is where the texts of that value begin.
const winHTTPTexts = 12

// discreetWinHTTP is that value without a login. One that winHTTP cannot read becomes
// one that says nothing and cannot be read either.
func discreetWinHTTP(v value) value {
	server, bypass, err := winHTTP(v)
	if err != nil {
		return value{name: v.name, kind: typeBinary, data: []byte{8: 2, winHTTPTexts - 1: 0}}
	}
	v.data = slices.Clone(v.data[:winHTTPTexts])
	for _, text := range []string{withoutLogin("ProxyServer", server), withoutLogin("ProxyOverride", bypass)} {
		v.data = append(binary.LittleEndian.AppendUint32(v.data, uint32(len(text))), text...)
	}
	return v
}

var errLayout = fmt.Errorf("the value is cut short or of a layout that is not known")

func (c *Computer) protocols(x *fact.Client) {
	for _, p := range []string{"SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"} {
		k, _ := c.key(machine + `SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\` + p + `\Client`)
		for _, name := range []string{"Enabled", "DisabledByDefault"} {
			if v, ok := k.value(name); ok {
				x.TLS = append(x.TLS, fact.ClientSwitch{Name: p + " Client " + name, Value: v.text()})
			}
		}
	}
	for _, view := range []string{`SOFTWARE\`, `SOFTWARE\Wow6432Node\`} {
		k, _ := c.key(machine + view + `Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp`)
		if n, ok := k.number("DefaultSecureProtocols"); ok {
			x.TLS = append(x.TLS, fact.ClientSwitch{Name: strings.TrimPrefix(view, `SOFTWARE\`) + "WinHttp DefaultSecureProtocols", Value: fmt.Sprintf("0x%x", n)})
		}
	}
}

func (c *Computer) clock(x *fact.Client) {
	k, _ := c.key(machine + `SYSTEM\CurrentControlSet\Services\W32Time`)
	if n, ok := k.number("Start"); ok {
		x.TimeService = map[uint64]string{startAutomatic: "automatic", startManual: "manual", startDisabled: "disabled"}[n]
	}
	switch state := c.state("W32Time"); state {
	case "":
	case "missing":
		x.TimeService = "not installed"
	default:
		x.TimeService = strings.TrimPrefix(x.TimeService+", "+state, ", ")
	}
	k, _ = c.key(machine + `SYSTEM\CurrentControlSet\Services\W32Time\Parameters`)
	if x.TimeSource = k.text("Type"); x.TimeSource == "NTP" {
		x.TimeSource = cmp.Or(k.text("NtpServer"), x.TimeSource)
	}
	k, _ = c.key(machine + `SYSTEM\CurrentControlSet\Control\TimeZoneInformation`)
	x.TimeZone = cmp.Or(k.text("TimeZoneKeyName"), k.text("StandardName"))
	k, _ = c.key(machine + `SOFTWARE\Microsoft\Cryptography`)
	x.BracedGUID = strings.ContainsAny(k.text("MachineGuid"), "{}")
}

var plistVersion = regexp.MustCompile(`<key>CFBundleShortVersionString</key>\s*<string>([0-9.]{1,30})</string>`)

// mac reads what an export of a Mac can hold (KB 2629861).
func (c *Computer) mac(x *fact.Client) {
	b, err := c.file("Applications/Microsoft Lync.app/Contents/Info.plist")
	if m := plistVersion.FindSubmatch(b); err == nil && m != nil {
		x.OS = cmp.Or(x.OS, "macOS")
		x.Products = append(x.Products, fact.ClientProduct{Generation: "lync2011-mac", Name: "Lync for Mac 2011", Version: string(m[1]), From: "file"})
	}
	for _, folder := range []string{"Library/Caches/com.microsoft.Lync", "Documents/Microsoft User Data/Microsoft Lync Data"} {
		list, _ := c.dir(folder)
		if len(list) == 0 {
			continue
		}
		x.OS = cmp.Or(x.OS, "macOS")
		x.Accounts = append(x.Accounts, fact.ClientAccount{Generation: "lync2011-mac", Folder: folder, Files: len(list)})
	}
}

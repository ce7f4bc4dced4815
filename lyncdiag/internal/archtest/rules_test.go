package archtest

// module is the path that every package of the project begins with; the rules
// name packages without it.
const module = "github.com/lyncdiag/go-lyncdiag/"

// An importRule lists what the packages that From matches may import besides
// the standard library, and what their tests may import besides that. A
// pattern that ends in /... is a folder with all below it; the longest From
// that matches a package is its rule.
type importRule struct {
	From   string
	May    []string
	Tests  []string
	Reason string
}

// leaves observe. Whoever imports one of them imports nothing else of ours.
var leaves = []string{"adfs", "certs", "dnscheck", "sip"}

// fakes are the services to test against, and what their tests need besides.
var fakes = []string{"adfs/adfstest", "certs/certtest", "dnscheck/dnstest", "sip/siptest", "golang.org/x/crypto/ocsp", "github.com/miekg/dns"}

var importRules = []importRule{
	{From: "adfs", May: []string{"github.com/Azure/go-ntlmssp", "github.com/beevik/etree", "golang.org/x/text/..."}, Tests: []string{"adfs/adfstest"},
		Reason: "a leaf observes and knows neither the judge nor the other leaves"},
	{From: "certs", May: []string{"golang.org/x/crypto/ocsp", "golang.org/x/crypto/cryptobyte/..."}, Tests: []string{"certs/certtest"},
		Reason: "a leaf observes and knows neither the judge nor the other leaves; the formats of revocation are not in the standard library"},
	{From: "dnscheck", May: []string{"github.com/miekg/dns", "golang.org/x/net/idna", "golang.org/x/sys/windows/..."}, Tests: []string{"dnscheck/dnstest"},
		Reason: "a leaf observes and knows neither the judge nor the other leaves; Windows tells its resolvers through x/sys alone"},
	{From: "sip", Tests: []string{"sip/siptest", "certs/certtest"},
		Reason: "a leaf observes and knows neither the judge nor the other leaves"},

	{From: "adfs/adfstest", May: []string{"golang.org/x/crypto/md4"},
		Reason: "a fake that shares code with the client it tests cancels the client's mistakes out"},
	{From: "certs/certtest", May: []string{"golang.org/x/crypto/ocsp"},
		Reason: "a fake that shares code with the client it tests cancels the client's mistakes out"},
	{From: "dnscheck/dnstest", May: []string{"github.com/miekg/dns"},
		Reason: "a fake that shares code with the client it tests cancels the client's mistakes out"},
	{From: "sip/siptest",
		Reason: "a fake that shares code with the client it tests cancels the client's mistakes out"},

	{From: "lyncdiag/kb",
		Reason: "the article is data: whoever explains a message opens no socket"},
	{From: "lyncdiag/fact", May: append([]string{"golang.org/x/net/idna"}, leaves...),
		Reason: "facts hold what the leaves saw and judge nothing"},

	{From: "lyncdiag/bundle", May: append([]string{"lyncdiag/client", "lyncdiag/fact", "lyncdiag/internal/asciijson", "github.com/hashicorp/go-multierror", "golang.org/x/text/..."}, leaves...),
		Reason: "an input writes facts; the judge reads them, not the other way round"},
	{From: "lyncdiag/client", May: append([]string{"lyncdiag/fact", "lyncdiag/internal/codepage", "github.com/hashicorp/go-multierror", "golang.org/x/sys/windows/..."}, leaves...),
		Tests:  []string{"golang.org/x/text/encoding/charmap", "golang.org/x/tools/txtar"},
		Reason: "an input writes facts; the judge reads them, not the other way round"},
	{From: "lyncdiag/directory", May: append([]string{"lyncdiag/fact", "lyncdiag/internal/codepage", "github.com/hashicorp/go-multierror", "golang.org/x/text/..."}, leaves...),
		Reason: "an input writes facts; the judge reads them, not the other way round"},
	{From: "lyncdiag/interview", May: []string{"lyncdiag/fact", "lyncdiag/internal/codepage", "lyncdiag/kb", "github.com/hashicorp/go-multierror", "golang.org/x/text/..."},
		Reason: "an input writes facts; the judge reads them, not the other way round"},
	{From: "lyncdiag/redact", May: []string{"lyncdiag/internal/asciijson"}, Tests: []string{"golang.org/x/tools/txtar", "certs/certtest"},
		Reason: "bundles are redacted as well as reports, so this may not need the judge"},

	{From: "lyncdiag", May: append([]string{"lyncdiag/fact", "lyncdiag/kb", "github.com/hashicorp/go-multierror", "github.com/Azure/go-ntlmssp"}, leaves...),
		Tests:  append([]string{"lyncdiag/...", "golang.org/x/tools/txtar"}, fakes...),
		Reason: "the judge needs no input, output or simulation to judge"},
	{From: "lyncdiag/render", May: append([]string{"lyncdiag", "lyncdiag/client", "lyncdiag/compare", "lyncdiag/fact", "lyncdiag/kb", "lyncdiag/proxy", "lyncdiag/redact", "lyncdiag/bundle", "lyncdiag/internal/asciijson", "golang.org/x/text/..."}, leaves...),
		Tests: append([]string{"lyncdiag/bundle", "lyncdiag/directory", "lyncdiag/interview", "lyncdiag/lab", "lyncdiag/render/...",
			"github.com/santhosh-tekuri/jsonschema/v6", "golang.org/x/tools/txtar"}, fakes...),
		Reason: "an encoder prints a report that somebody else made"},
	{From: "lyncdiag/collect", May: append([]string{"lyncdiag", "lyncdiag/bundle", "lyncdiag/client", "lyncdiag/fact", "lyncdiag/proxy", "lyncdiag/redact", "lyncdiag/render",
		"github.com/hashicorp/go-multierror", "golang.org/x/sys/windows/..."}, leaves...),
		Tests:  []string{"lyncdiag/lab"},
		Reason: "a bundle holds what the judge and the encoders made; neither knows of it"},
	{From: "lyncdiag/compare", May: []string{"lyncdiag", "lyncdiag/fact", "lyncdiag/kb", "dnscheck"},
		Tests:  []string{"lyncdiag/lab", "lyncdiag/render"},
		Reason: "who compares reports makes and writes none"},
	{From: "lyncdiag/lab", May: append([]string{"lyncdiag", "lyncdiag/fact", "lyncdiag/kb", "github.com/hashicorp/go-multierror", "golang.org/x/sync/errgroup",
		"adfs/adfstest", "certs/certtest", "dnscheck/dnstest", "sip/siptest", "golang.org/x/crypto/ocsp", "github.com/miekg/dns"}, leaves...),
		Tests:  []string{"golang.org/x/net/nettest", "lyncdiag/render"},
		Reason: "the lab is the only place where the fakes meet"},
	{From: "lyncdiag/fleet", May: append([]string{"lyncdiag", "lyncdiag/fact", "lyncdiag/kb", "github.com/hashicorp/go-multierror", "golang.org/x/sync/..."}, leaves...),
		Tests:  append([]string{"lyncdiag/lab", "lyncdiag/render"}, fakes...),
		Reason: "many targets are one target many times, without a front door of its own"},
	{From: "lyncdiag/metrics", May: []string{"lyncdiag", "lyncdiag/fleet", "lyncdiag/kb"},
		Tests: append([]string{"lyncdiag/fact", "lyncdiag/lab", "github.com/prometheus/client_golang/prometheus/testutil/promlint",
			"github.com/prometheus/client_model/go", "github.com/prometheus/common/..."}, leaves...),
		Reason: "metrics say of a report what it says; Prometheus' own libraries would take the command beyond its 15 MB"},

	{From: "lyncdiag/proxy", May: []string{"golang.org/x/net/http/httpproxy", "golang.org/x/sys/windows/..."},
		Reason: "settings are read, not judged"},
	{From: "lyncdiag/stun",
		Reason: "who asks for one binding opens no socket and knows no judge"},

	{From: "lyncdiag/internal/codepage", May: []string{"golang.org/x/text/..."},
		Reason: "who reads a text says where it comes from"},
	{From: "lyncdiag/internal/asciijson",
		Reason: "an encoding knows nothing of what it encodes"},
	{From: "lyncdiag/internal/archtest",
		Reason: "the rules look at the packages from outside"},
	{From: "lyncdiag/internal/release", May: []string{"github.com/CycloneDX/cyclonedx-go", "github.com/tc-hib/winres/...", "golang.org/x/mod/semver"},
		Tests:  []string{"github.com/santhosh-tekuri/jsonschema/v6", "go.yaml.in/yaml/v4"},
		Reason: "what publishes the program runs the go command and links nothing of it"},
	{From: "lyncdiag/internal/...", May: append([]string{"lyncdiag/...", "github.com/invopop/jsonschema", "golang.org/x/tools/txtar"}, leaves...),
		Tests:  []string{"github.com/santhosh-tekuri/jsonschema/v6"},
		Reason: "generators read whatever they print, and no package that ships imports them"},
	{From: "cmd/...", May: append([]string{"cmd/internal/...", "lyncdiag/...", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/schollz/progressbar/v3", "github.com/hashicorp/go-multierror",
		"golang.org/x/term", "golang.org/x/sys/windows/...", "golang.org/x/text/...", "software.sslmate.com/src/go-pkcs12"}, leaves...),
		Tests:  append([]string{"github.com/rogpeppe/go-internal/...", "github.com/santhosh-tekuri/jsonschema/v6", "golang.org/x/tools/txtar"}, fakes...),
		Reason: "the command parses, calls and prints; other commands need other modules"},
	{From: "cmd/lyncdiag-exporter", May: []string{"cmd/internal/...", "lyncdiag", "lyncdiag/fact", "lyncdiag/metrics", "lyncdiag/render", "github.com/spf13/cobra", "github.com/prometheus/..."},
		Tests:  []string{"github.com/rogpeppe/go-internal/testscript", "go.yaml.in/yaml/v4", "lyncdiag/fleet", "lyncdiag/lab"},
		Reason: "the exporter is what has room for Prometheus' libraries"},
	{From: "examples/...", May: append([]string{"lyncdiag/..."}, leaves...),
		Reason: "an example shows what an importer of the SDK can do, with nothing else"},
}

// A reachRule bounds what From imports directly or through others. Only lists
// all that is not of the standard library, Never what must not be there.
// Either names a folder with /... .
type reachRule struct {
	From   string
	Only   []string
	Never  []string
	Reason string
}

// commandLine are the modules that only a command has a use for.
var commandLine = []string{"github.com/spf13/...", "github.com/schollz/...", "golang.org/x/term/...", "github.com/inconshreveable/...",
	"github.com/rogpeppe/...", "github.com/santhosh-tekuri/...", "github.com/invopop/...", "cmd/...", "lyncdiag/lab", "text/template", "html/template"}

var reachRules = []reachRule{
	{From: "sip", Only: []string{}, Reason: "who reads logs links the standard library alone"},
	{From: "certs", Only: []string{"golang.org/x/crypto/ocsp", "golang.org/x/crypto/cryptobyte/..."}, Reason: "who checks certificates links the standard library, and what reads OCSP answers and revocation lists"},
	{From: "dnscheck", Only: []string{"github.com/miekg/dns/...", "golang.org/x/net/...", "golang.org/x/sys/...", "golang.org/x/text/..."},
		Reason: "who checks DNS does not pay for the command"},
	{From: "adfs", Only: []string{"github.com/Azure/go-ntlmssp/...", "github.com/beevik/etree/...", "golang.org/x/text/..."},
		Reason: "who checks AD FS does not pay for the command"},
	{From: "lyncdiag/kb", Only: []string{}, Reason: "the article is data"},
	{From: "lyncdiag/bundle", Never: []string{"lyncdiag"}, Reason: "an input must not need the judge, through others neither"},
	{From: "lyncdiag/client", Never: []string{"lyncdiag"}, Reason: "an input must not need the judge, through others neither"},
	{From: "lyncdiag/directory", Never: []string{"lyncdiag"}, Reason: "an input must not need the judge, through others neither"},
	{From: "lyncdiag/interview", Never: []string{"lyncdiag"}, Reason: "an input must not need the judge, through others neither"},
	{From: "lyncdiag", Never: commandLine, Reason: "an importer of the SDK does not pay for the command"},
	{From: "lyncdiag/render", Never: commandLine, Reason: "an importer of the SDK does not pay for the command"},
	// cobra imports text/template, which the linker leaves out as long as no
	// template is set; html/template alone adds three megabytes.
	{From: "cmd/lyncdiag", Never: []string{"html/template", "github.com/santhosh-tekuri/...", "github.com/invopop/...", "github.com/rogpeppe/...", "github.com/prometheus/..."},
		Reason: "the binary stays below 15 MB"},
}

// A ban names identifiers of another package that no code that ships may use,
// "*" being all of them. InMain: function main of a command may.
type ban struct {
	Package string
	Names   []string
	InMain  bool
	Reason  string
}

const throughNetwork = "everything dials through a function that the caller sets"
const callersLogger = "a library writes to the *slog.Logger it was given"

var bans = []ban{
	{"net", []string{"Dial", "DialTimeout", "DialIP", "DialTCP", "DialUDP", "DialUnix", "Dialer", "DefaultResolver", "Resolver",
		"LookupAddr", "LookupCNAME", "LookupHost", "LookupIP", "LookupMX", "LookupNS", "LookupPort", "LookupSRV", "LookupTXT",
		"ResolveIPAddr", "ResolveTCPAddr", "ResolveUDPAddr"}, false, throughNetwork},
	{"net/http", []string{"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport"}, false, throughNetwork},
	{"crypto/tls", []string{"Dial", "DialWithDialer", "Dialer"}, false, throughNetwork},
	{"github.com/miekg/dns", []string{"Client", "Dial", "DialTimeout", "DialTimeoutWithTLS", "DialWithTLS", "Exchange", "ExchangeContext"}, false, throughNetwork},
	{"log", []string{"Default", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Print", "Printf", "Println", "SetOutput"}, true, callersLogger},
	{"log/slog", []string{"Debug", "DebugContext", "Default", "Error", "ErrorContext", "Info", "InfoContext", "SetDefault", "Warn", "WarnContext"}, true, callersLogger},
	{"net/http", []string{"HandleFunc", "Handle", "DefaultServeMux"}, false, "a handler registered for the whole process is a global variable"},
	{"os", []string{"Exit"}, true, "whoever ends the process skips the caller's deferred functions"},
	{"text/template", []string{"*"}, false, "templates switch off the linker's removal of methods that nobody calls, which costs megabytes"},
	{"html/template", []string{"*"}, false, "templates switch off the linker's removal of methods that nobody calls, which costs megabytes"},
}

// An exception lets one folder use what a ban names.
type exception struct {
	Folder, Package, Name string
	Reason                string
}

var exceptions = []exception{
	{"lyncdiag", "net", "Dialer", "Network.Dial that is nil is documented as the real network; this is the one door"},
	{"certs", "net", "Dialer", "Verifier.Dial that is nil is documented as the real network"},
	{"lyncdiag/lab", "github.com/miekg/dns", "Client", "asks the lab's own resolver over a connection that the lab made"},
}

// vague are names that say nothing about what a file or a package is for.
var vague = []string{"base", "common", "helper", "helpers", "misc", "type", "types", "util", "utils"}

// topLevel is what the root of the repository holds, besides dot files.
var topLevel = []string{"LICENSE", "README.md", "adfs", "certs", "cmd", "dnscheck", "docs", "examples", "go.mod", "go.sum", "lyncdiag", "sip"}

package lyncdiag

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

const clientStage StageID = "client"

func clientRules() []Rule {
	section := func(item string) kb.Citation {
		return kb.Citation{KB: "KB2541980", Section: "Fix Lync client-side issues", Item: item}
	}
	complaint := names(fact.TargetKey, fact.MessageKey, fact.AnswersKey, fact.AttemptsKey)
	needs := names(fact.ClientKey)
	return []Rule{
		{ID: "client.version", Source: section("steps 2 and 3"), Needs: needs, Reads: append(complaint, deploymentReads...), Emits: []string{"client-version-wrong"}, Eval: judgeClientVersion},
		{ID: "client.os", Source: section("step 1"), Needs: needs, Reads: complaint, Emits: []string{"client-os-unsupported"}, Eval: judgeClientOS},
		{ID: "client.assistant", Source: kb.Citation{KB: "KB2459899"}, Needs: needs, Reads: append(complaint, deploymentReads...), Emits: []string{"client-sign-in-assistant-missing"}, Eval: judgeAssistant},
		{ID: "client.certificate", Source: kb.Citation{KB: "KB2604176"}, Needs: needs, Reads: append(complaint, fact.StartedKey.Name()), Emits: []string{"client-personal-certificate"}, Eval: judgePersonalCertificate},
		{ID: "client.cache", Source: kb.Citation{KB: "KB2698626"}, Needs: needs, Reads: append(complaint, fact.StartedKey.Name()), Emits: []string{"client-endpoint-cache"}, Eval: judgeEndpointCache},
		{ID: "client.saved", Source: section("step 5"), Needs: needs, Reads: complaint, Emits: []string{"client-cached-credentials"}, Eval: judgeSavedSignIn},
		{ID: "client.skew", Source: kb.Citation{KB: "KB2581291"}, Needs: needs, Reads: complaint, Emits: []string{"client-clock-skew"}, Eval: judgeNotedSkew},
		{ID: "client.manual", Source: kb.Citation{KB: "KB2541980", Section: "Bypass Lync Autodiscover and DNS resolution"}, Needs: needs, Reads: append(complaint, deploymentReads...), Emits: []string{"client-manual-configuration"}, Eval: judgeManualConfiguration},
		{ID: "client.proxy", Source: kb.Citation{KB: "KB2769142"}, Needs: needs, Reads: complaint, Emits: []string{"client-proxy-configuration"}, Eval: judgeClientProxy},
		{ID: "client.trace", Source: kb.Citation{KB: "KB2604292"}, Needs: needs, Reads: complaint, Emits: []string{"client-trace-off"}, Eval: judgeTrace},
		{ID: "client.updates", Source: section("step 4"), Needs: needs, Reads: complaint, Emits: []string{"client-updates-off"}, Eval: judgeUpdates},
	}
}

// clients are the computers that count for the target: an export that somebody gave
// for it, and this computer where it knows the address. An administrator's own
// computer says nothing of other users.
func clients(f *fact.Facts) iter.Seq2[fact.Origin, *fact.Client] {
	target, _, _ := fact.Get(f, fact.TargetKey)
	return func(yield func(fact.Origin, *fact.Client) bool) {
		for o, c := range fact.All(f, fact.ClientKey) {
			if c == nil || o.Kind == fact.Live && target.Address != "" && !knowsAddress(c, target) {
				continue
			}
			if !yield(o, c) {
				return
			}
		}
	}
}

func knowsAddress(c *fact.Client, t Target) bool {
	return slices.ContainsFunc(c.Accounts, func(a fact.ClientAccount) bool { return isTarget(t, a.Address) }) ||
		slices.ContainsFunc(c.Profiles, func(p fact.ClientProfile) bool { return isTarget(t, p.SignIn) })
}

// isTarget reports whether an address is the target's; without a target any is, and
// without an address none.
func isTarget(t Target, address string) bool {
	return address != "" && (t.Address == "" || strings.EqualFold(address, t.Address) || strings.EqualFold(address, t.WireAddress()) || strings.EqualFold(address, t.UserName))
}

// weighed keeps the catalogue's severity where somebody fails; where nobody is said
// to, a client that looks wrong may work all the same.
func weighed(f *fact.Facts, x Finding, o fact.Origin) Finding {
	if x.Severity != "" || saidToFail(f) { // lowered already
		return x
	}
	return x.at(kb.Warning, "nobody says that this user cannot sign in", o)
}

func userOf(value string, o fact.Origin) fact.Evidence {
	return fact.Evidence{Key: "user", Class: fact.UserText, Value: value, Origin: o}
}

func product(p fact.ClientProduct, o fact.Origin) fact.Evidence {
	return text("product", strings.TrimSpace(p.Name+" "+p.Version)+" (version from the "+p.From+")", o)
}

// judgeClientVersion: the article knows Lync 2010 and 2013, KB 2629861 the Mac's
// 14.0.6. No source found names a minimum of the Windows clients.
func judgeClientVersion(f *fact.Facts, emit Emit) {
	online := findDeployment(f).online()
	for o, c := range clients(f) {
		if len(c.Products) == 0 {
			continue
		}
		best := c.Products[0]
		for _, p := range c.Products {
			if p.Generation != "communicator" {
				best = p
			}
		}
		x := found("client-version-wrong", clientStage, product(best, o))
		switch {
		case best.Generation == "lync2011-mac" && best.Older("14.0.6"):
			x.Title = "This build of Lync for Mac is too old"
			x.Cause = "Lync for Mac needs version 14.0.6 or later to sign in to Lync Online (KB 2629861)."
		case best.Generation == "communicator" && online:
			x = x.with(Probable)
			x.Title = "Office Communicator is installed in place of Lync"
			x.Cause = "The only client on this computer is older than Lync 2010. The article knows Lync 2010 and Lync 2013 as clients of Lync Online."
		case strings.Contains(strings.ToLower(best.Name), "attendee"):
			x = x.with(Probable)
			x.Title = "Lync 2010 Attendee joins meetings alone"
			x.Cause = "The only client on this computer is the Attendee edition, which is made for meetings and not for a sign-in to Lync."
		case best.Generation == "lync2010" && best.From == "file" && best.Version == "4.0.7577.0" && online:
			x = x.with(Possible)
			x.Title = "Lync 2010 has never been updated"
			x.Cause = "This is the build that Lync 2010 came out with. No minimum is documented, but it knows no Autodiscover, and updates were made for Lync Online since."
			if !saidToFail(f) {
				x = x.at(kb.Warning, "no minimum build is documented, and nobody says that this user cannot sign in", o)
			}
		default:
			continue
		}
		emit(weighed(f, x, o))
	}
}

// osMinimum is the oldest Windows for a client.
type osMinimum struct {
	version string // major.minor
	name    string
	source  string // "": not documented where we looked
}

var osMinimums = map[string]osMinimum{
	"lync2010": {"5.1", "Windows XP with Service Pack 3", "Lync 2010 client requirements"},
	"lync2013": {"6.1", "Windows 7", "KB2541980"},
	"sfb2015":  {"6.1", "Windows 7", "KB2541980"},
	"sfb2016":  {"6.1", "Windows 7", ""},
	"sfb2019":  {"10.0", "Windows 10", ""},
	"sfb2021":  {"10.0", "Windows 10", ""},
}

func judgeClientOS(f *fact.Facts, emit Emit) {
	for o, c := range clients(f) {
		for _, p := range c.Products {
			least, ok := osMinimums[p.Generation]
			if !ok || c.OSVersion == "" {
				continue
			}
			below := (fact.ClientProduct{Version: c.OSVersion}).Older(least.version)
			// XP's number stays 5.1 with every service pack.
			if p.Generation == "lync2010" && strings.HasPrefix(c.OSVersion, "5.1.") && c.OSService != "Service Pack 3" {
				below = true
			}
			if !below {
				continue
			}
			x := found("client-os-unsupported", clientStage, text("system", strings.TrimSpace(c.OS+" "+c.OSVersion+" "+c.OSService), o), product(p, o), text("minimum", least.name, o), text("source", least.source, o))
			if least.source == "" {
				x = x.with(Possible)
			}
			emit(weighed(f, x, o))
		}
	}
}

// judgeAssistant: Lync 2010 signs in to Lync Online by the Sign-In Assistant.
func judgeAssistant(f *fact.Facts, emit Emit) {
	if !findDeployment(f).online() {
		return
	}
	for o, c := range clients(f) {
		i := slices.IndexFunc(c.Products, func(p fact.ClientProduct) bool { return p.Generation == "lync2010" })
		if i < 0 {
			continue
		}
		x := found("client-sign-in-assistant-missing", clientStage, product(c.Products[i], o), text("installed", c.Assistant, o), text("service", c.AssistantService, o))
		switch {
		case c.AssistantService == "stopped" || c.AssistantService == "disabled":
			x.Title = "The service of the Microsoft Online Services Sign-In Assistant is " + c.AssistantService
		case c.Assistant == "no":
			x.Title = "The Microsoft Online Services Sign-In Assistant is not installed"
		default:
			continue
		}
		if len(c.Products) > 1 {
			x = x.with(Probable) // the other client may be the one that is used
		}
		emit(weighed(f, x, o))
	}
}

const communicationsServer = "CN=Communications Server"

// judgePersonalCertificate: the client gets a new certificate where there is none or
// the old one has expired, so that this alone fails nobody.
func judgePersonalCertificate(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	started, _, _ := fact.Get(f, fact.StartedKey)
	for o, c := range clients(f) {
		at := started
		if !c.At.IsZero() {
			at = c.At
		}
		if !c.CertificatesRead || at.IsZero() {
			continue
		}
		signedIn := slices.ContainsFunc(c.Accounts, func(a fact.ClientAccount) bool { return isTarget(target, a.Address) && !a.CacheAt.IsZero() })
		var evidence []fact.Evidence
		why, usable := "", false
		for _, cert := range c.Certificates {
			name := strings.TrimPrefix(commonName(cert.Subject), "sip:")
			if !isTarget(target, name) {
				continue
			}
			reason := ""
			switch {
			case !strings.Contains(cert.Issuer, communicationsServer):
				reason = "is of another issuer"
			case at.After(cert.NotAfter):
				reason = "has expired"
			case at.Before(cert.NotBefore):
				reason = "is not yet valid"
			case cert.Key == "no":
				reason = "has no private key"
			case c.BracedGUID:
				reason = "has a key that is not found, as MachineGuid holds braces"
			}
			usable = usable || reason == ""
			why = cmp.Or(why, reason)
			evidence = append(evidence, userOf(name, o), prose("certificate", cmp.Or(reason, "looks good"), o), prose("issuer", cert.Issuer, o), text("notBefore", stamp(cert.NotBefore), o), text("notAfter", stamp(cert.NotAfter), o), text("thumbprint", cert.Thumbprint, o))
		}
		x := found("client-personal-certificate", clientStage, evidence...).with(Probable)
		switch {
		case usable:
			continue
		case why != "":
			x.Title = "The personal certificate for Lync " + why
		case signedIn:
			x = x.with(Possible)
			x.Title = "There is no personal certificate for Lync, though the user has signed in here"
			x.Cause = "The user's store holds no certificate of Communications Server. The client asks for a new one with the password at the next sign-in; a certificate error then means that it gets none."
			x.Evidence = append(x.Evidence, text("certificates", "none of Communications Server", o))
		default:
			continue
		}
		if code := saidMessage(f); why == "" || code != "" && code != "kb2541980-message-8" {
			x = x.at(kb.Warning, "nothing says that the certificate is what fails", o)
		}
		emit(weighed(f, x, o))
	}
}

// commonName is the CN of a distinguished name as Go writes it.
func commonName(name string) string {
	for part := range strings.SplitSeq(name, ",") {
		if rest, ok := strings.CutPrefix(part, "CN="); ok {
			return rest
		}
	}
	return name
}

// saidMessage is the code of the article's message that the client shows, "" where none
// is known.
func saidMessage(f *fact.Facts) string {
	message, _, _ := fact.Get(f, fact.MessageKey)
	for _, m := range kb.MatchMessage(message) {
		return m.Message.Code
	}
	return ""
}

// judgeEndpointCache: the cache is written at each sign-in, so that its age alone is
// no fault. It counts where the user fails.
func judgeEndpointCache(f *fact.Facts, emit Emit) {
	if !saidToFail(f) {
		return
	}
	target, _, _ := fact.Get(f, fact.TargetKey)
	started, _, _ := fact.Get(f, fact.StartedKey)
	moved, movedAt := movedAway(f)
	for o, c := range clients(f) {
		at := started
		if !c.At.IsZero() {
			at = c.At
		}
		for _, a := range c.Accounts {
			if a.CacheAt.IsZero() || !isTarget(target, a.Address) {
				continue
			}
			x := found("client-endpoint-cache", clientStage, userOf(a.Address, o), prose("file", a.Folder+"/EndpointConfiguration.cache", o), text("written", stamp(a.CacheAt), o), text("age", days(at.Sub(a.CacheAt)), o)).with(Possible)
			if moved != "" && a.CacheAt.Before(movedAt) {
				x = x.with(Probable)
				x.Evidence = append(x.Evidence, prose("since", moved, o))
			} else {
				x.Cause = "The client goes to the server in EndpointConfiguration.cache without asking DNS. When the user was last moved, or when the service was last out, is not known here; if that was after this file was written, the file leads astray."
			}
			emit(x)
		}
	}
}

// movedAway is the last answer of a server that a user is elsewhere, by the log.
func movedAway(f *fact.Facts) (what string, at time.Time) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	for _, s := range standing(f) {
		for _, a := range s.attempts {
			if attemptOf(target, a) && FindingOf(a.Class()) == "sip-user-not-in-pool" && a.StartedAt.After(at) {
				what, at = "a server answered that the user is in another pool", a.StartedAt
			}
		}
	}
	return what, at
}

func days(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	return fmt.Sprintf("%d day%s", n, map[bool]string{true: "", false: "s"}[n == 1])
}

func judgeSavedSignIn(f *fact.Facts, emit Emit) {
	if !saidToFail(f) {
		return
	}
	target, _, _ := fact.Get(f, fact.TargetKey)
	for o, c := range clients(f) {
		var evidence []fact.Evidence
		for _, t := range c.Credentials {
			if target.Address == "" || strings.Contains(strings.ToLower(t), ":uri="+strings.ToLower(target.Address)+":") {
				evidence = append(evidence, prose("credential", t, o))
			}
		}
		for _, p := range c.Profiles {
			if p.SavesLogin == "yes" && isTarget(target, p.SignIn) {
				evidence = append(evidence, userOf(p.SignIn, o), text("savePassword", p.Generation, o))
			}
		}
		if len(evidence) > 0 {
			emit(found("client-cached-credentials", clientStage, evidence...).with(Possible))
		}
	}
}

// judgeNotedSkew: the Sign-In Assistant notes a difference that it met. When it was is
// not written there.
func judgeNotedSkew(f *fact.Facts, emit Emit) {
	for o, c := range clients(f) {
		if c.AssistantSkew == nil || time.Duration(*c.AssistantSkew)*time.Second > -maxSkew && time.Duration(*c.AssistantSkew)*time.Second < maxSkew {
			continue
		}
		x := found("client-clock-skew", clientStage, text("clockSkew", strconv.FormatInt(*c.AssistantSkew, 10)+" s, noted by the Sign-In Assistant", o), text("timeService", c.TimeService, o), text("timeSource", c.TimeSource, o)).with(Probable)
		x.Title = "The Sign-In Assistant has noted that the clock of this computer is off"
		x.Cause = "The registry of this computer holds a ClockSkew of five minutes or more (KB 2581291). Tokens and certificates can look expired or not yet valid; Lync 2010 even reports a wrong password. When it was noted is not known: look at the clock."
		emit(weighed(f, x, o))
	}
}

// judgeManualConfiguration holds the servers of manual configuration to the documented
// ones. A Server deployment's are its own.
func judgeManualConfiguration(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	setting, _, _ := fact.Get(f, fact.SettingKey)
	want := setting.ManualServer
	if want == "" && findDeployment(f).online() {
		want = dnscheck.CloudHosts(cloudOf(setting)).Manual
	}
	if want == "" {
		return
	}
	for o, c := range clients(f) {
		for _, p := range c.Profiles {
			differs := !strings.EqualFold(p.Internal, want) || !strings.EqualFold(p.External, want)
			if p.Mode != "manual" || !differs || p.SignIn != "" && !isTarget(target, p.SignIn) {
				continue
			}
			x := found("client-manual-configuration", clientStage, text("client", p.Generation, o), named("internal", cmp.Or(p.Internal, "(empty)"), o), named("external", cmp.Or(p.External, "(empty)"), o), named("documented", want, o))
			if p.Policy {
				x.Evidence = append(x.Evidence, text("setBy", "policy", o))
				x.Owner = kb.TenantAdmin
				x.Resolution = []string{
					"The setting is a Group Policy (ConfigurationMode), which the user cannot change. Set it to automatic, or correct ServerAddressInternal and ServerAddressExternal there.",
					"Then on the computer: gpupdate /force",
				}
			}
			if d := findDeployment(f); d.kind == "hybrid" || setting.Deployment == "" || setting.Deployment == "auto" {
				x = x.with(Probable) // the names may be those of the company's own servers
			}
			emit(x)
		}
	}
}

// judgeClientProxy: Lync goes by Internet Options, the Sign-In Assistant by WinHTTP.
func judgeClientProxy(f *fact.Facts, emit Emit) {
	get := func(list []fact.ClientSwitch, name string) (string, bool) {
		for _, s := range list {
			if s.Name == name {
				return s.Value, true
			}
		}
		return "", false
	}
	for o, c := range clients(f) {
		pac, _ := get(c.WinINET, "AutoConfigURL")
		server, _ := get(c.WinINET, "ProxyServer")
		enabled, _ := get(c.WinINET, "ProxyEnable")
		services, looked := get(c.WinHTTP, "ProxyServer")
		if enabled != "1" {
			server = ""
		}
		x := found("client-proxy-configuration", clientStage, link(pac, o), named("internetOptions", server, o), named("winHTTP", services, o))
		switch {
		case strings.HasPrefix(strings.ToLower(pac), "file:"):
			x.Title = "The proxy script of this computer is a file, which the Sign-In Assistant cannot read"
		case server != "" && looked && secureProxy(server) != secureProxy(services):
			x = x.with(Probable)
			if services == "" {
				x.Evidence = append(x.Evidence, text("winHTTP", "direct", o))
			}
		default:
			continue
		}
		emit(x)
	}
}

// secureProxy is the proxy for HTTPS, which is all that a sign-in goes through, of
// "http=a:80;https=b:8080", or of an address that is for everything. Windows takes it
// with a scheme or without.
func secureProxy(list string) string {
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ';' || r == ' ' }) {
		scheme, address, listed := strings.Cut(part, "=")
		if !listed {
			scheme, address = "https", part
		}
		if strings.EqualFold(scheme, "https") {
			return strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(address), "http://"), "/")
		}
	}
	return ""
}

func judgeTrace(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	for o, c := range clients(f) {
		for _, p := range c.Profiles {
			if (p.Trace == "off" || p.Trace == "light") && (p.SignIn == "" || isTarget(target, p.SignIn)) {
				emit(found("client-trace-off", clientStage, text("client", p.Generation, o), text("logging", p.Trace, o)))
			}
		}
	}
}

// newestLync2010 is the newest build of Lync 2010 that is known here.
const newestLync2010 = "4.0.7577.4409"

func judgeUpdates(f *fact.Facts, emit Emit) {
	for o, c := range clients(f) {
		if len(c.Products) == 0 {
			continue
		}
		x := found("client-updates-off", clientStage, text("windowsUpdate", map[string]string{"no": "off"}[c.WindowsUpdate], o), text("officeUpdate", map[string]string{"no": "off"}[c.OfficeUpdate], o))
		if len(x.Evidence) > 0 {
			x = x.with(Probable) // somebody else may bring the updates
		}
		for _, p := range c.Products {
			if p.Generation == "lync2010" && p.From == "file" && p.Older(newestLync2010) {
				x.Evidence = append(x.Evidence, product(p, o), text("newestKnown", newestLync2010, o))
			}
		}
		if len(x.Evidence) > 0 {
			emit(x)
		}
	}
}

// sumClient is what was found, or why it does not count.
func sumClient(f *fact.Facts) string {
	for o, c := range clients(f) {
		var words []string
		for _, p := range c.Products {
			words = append(words, strings.TrimSpace(p.Name+" "+p.Version))
		}
		if words == nil {
			words = []string{map[bool]string{true: "no Lync client was found", false: "which Lync client is installed is not known"}[c.ProductsRead]}
		}
		if c.OS != "" {
			words = append(words, c.OS)
		}
		if n := len(c.Gaps); n > 0 {
			words = append(words, fmt.Sprintf("%d things could not be read: lyncdiag client inspect%s", n, map[bool]string{true: " --from " + o.Where}[o.Where != ""]))
		}
		return strings.Join(words, ", ")
	}
	return "this user has not signed in on this computer, so that its client says nothing of the user"
}

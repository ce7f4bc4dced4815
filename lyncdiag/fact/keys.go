package fact

import (
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// The facts, a line each. Keys, in codec.go, lists them once more, so that every
// one can be recorded.
var (
	StartedKey    = NewKey[time.Time]("started") // when the run began, by this computer's clock
	TargetKey     = NewKey[Subject]("target")
	SettingKey    = NewKey[Setting]("setting")
	AnswersKey    = NewKey[[]Answer]("answers")            // of the interview
	MessageKey    = NewKey[string]("message")              // what the user saw
	DNSKey        = NewKey[*dnscheck.Result]("dns")        // the records clients ask for
	WalkKey       = NewKey[*dnscheck.Walk]("autodiscover") // the Autodiscover walk
	WebHostsKey   = NewKey[[]Endpoint]("autodiscover.hosts")
	CandidatesKey = NewKey[[]Candidate]("registrar")
	AutomaticKey  = NewKey[Automatic]("server.auto")
	LoginKey      = NewKey[Endpoint]("login.host")
	ControlKey    = NewKey[Control]("control") // plain HTTP to the login host
	PathsKey      = NewKey[[]Paths]("paths")   // hosts with IPv4 and IPv6 addresses
	ProxyKey      = NewKey[Proxy]("proxy")     // the way out of this network
	RealmKey      = NewKey[*adfs.Realm]("realm")
	FederationKey = NewKey[Endpoint]("adfs.host")
	MEXKey        = NewKey[*adfs.MEX]("adfs.mex")
	ClockKey      = NewKey[Clock]("clock")
	AttemptsKey   = NewKey[[]sip.Attempt]("log.attempts")
	LogStepsKey   = NewKey[[]LogStep]("log.steps") // that failed, and were not made good
	LogFilesKey   = NewKey[[]LogFile]("log.files")
	NSLookupKey   = NewKey[[]dnscheck.NSLookup]("client.nslookup") // what the user's computer resolved; an origin for each file

	PortQueriesKey = NewKey[[]PortQuery]("client.ports") // what PortQry said on the user's computer; an origin for each file
	BundleKey      = NewKey[[]BundleFile]("bundle")      // what a support bundle holds; an origin for each
	ClientKey      = NewKey[*Client]("client")           // the user's computer

	FederationMetadataKey = NewKey[*adfs.FederationMetadata]("adfs.metadata")
	TrustEndpointsKey     = NewKey[[]*adfs.TrustAnswer]("adfs.trust") // asked without credentials
	ServiceProbeKey       = NewKey[Control]("adfs.probe")
	TokenKey              = NewKey[*adfs.TrustAnswer]("adfs.token")
	CloudTokenKey         = NewKey[*adfs.TrustAnswer]("cloud.token") // of a managed domain

	FederationSettingsKey = NewKey[[]FederationSettings]("domain.federation") // of the domain, in the tenant

	PublicRootsKey = NewKey[[]string]("roots.public")    // subjects of further roots that public hosts may rest on
	StandingsKey   = NewKey[[]Standing]("revocation")    // what the authorities say of the chains seen
	WithoutSNIKey  = NewKey[Endpoint]("adfs.sni")        // the federation service, asked without a server name
	SurveyKey      = NewKey[*certs.Survey]("tls.survey") // what one server accepts
	ClientTLSKey   = NewKey[[]ClientTLS]("tls.client")   // hosts asked with what the chosen client offers
)

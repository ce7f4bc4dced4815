package fact

import (
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
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
	RealmKey      = NewKey[*adfs.Realm]("realm")
	FederationKey = NewKey[Endpoint]("adfs.host")
	MEXKey        = NewKey[*adfs.MEX]("adfs.mex")
	ClockKey      = NewKey[Clock]("clock")
	AttemptsKey   = NewKey[[]sip.Attempt]("log.attempts")
	LogStepsKey   = NewKey[[]LogStep]("log.steps") // that failed, and were not made good
	LogFilesKey   = NewKey[[]LogFile]("log.files")
	NSLookupKey   = NewKey[[]dnscheck.NSLookup]("client.nslookup") // what the user's computer resolved; an origin for each file
)

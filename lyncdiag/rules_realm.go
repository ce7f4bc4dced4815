package lyncdiag

import (
	"strconv"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func realmRules() []Rule {
	return []Rule{
		{
			ID: "realm.namespace", Source: kb.Citation{KB: "KB2541980", Section: "Fix user identity and Windows Azure AD issues in Lync 2013", Item: "step 4"},
			Needs: names(fact.RealmKey), Reads: deploymentReads,
			Emits: []string{"realm-unknown", "realm-consumer-account", "realm-without-ws-trust"}, Eval: judgeRealm,
		},
		{
			ID: "login.service", Source: kb.Citation{KB: "KB2541980", Section: "Lync Online sign-in error messages", Item: "row 7"},
			Needs: names(fact.LoginKey), Reads: append(names(fact.RealmKey, fact.CandidatesKey, fact.WebHostsKey), deploymentReads...),
			Emits: []string{"login-service-unavailable"}, Eval: judgeLogin,
		},
	}
}

// judgeRealm: who checks the password. A Server deployment checks its own.
func judgeRealm(f *fact.Facts, emit Emit) {
	realm, o, _ := fact.Get(f, fact.RealmKey)
	if realm.Problem != "" || !findDeployment(f).online() {
		return
	}
	evidence := []fact.Evidence{link(realm.Source, o), text("namespace", realm.NamespaceType, o), text("protocol", realm.Protocol, o)}
	switch {
	case realm.NamespaceType == "unknown":
		emit(found("realm-unknown", "realm", evidence...))
	case realm.NamespaceType == "consumer":
		emit(found("realm-consumer-account", "realm", evidence...))
	case realm.NamespaceType == "federated" && realm.MEXURL == "":
		finding := found("realm-without-ws-trust", "realm", evidence...)
		if realm.Protocol == "" || realm.Protocol == "wstrust" {
			finding = finding.with(Probable) // what is missing is the MEX address; why is not told
		}
		emit(finding)
	}
}

// judgeLogin: the login service fails while something else answers, so it is
// not this computer's network as a whole.
func judgeLogin(f *fact.Facts, emit Emit) {
	login, o, _ := fact.Get(f, fact.LoginKey)
	realm, _, asked := fact.Get(f, fact.RealmKey)
	// An answer of the service itself shows that the network is there.
	reached := othersAnswer(f) || asked && realm.Status > 0
	if !findDeployment(f).online() || !reached || login.Reach.AtProxy != nil {
		return
	}
	evidence := []fact.Evidence{host(login.Host, o)}
	switch {
	case len(login.Resolve.Addresses) == 0 && login.Reach.Status != fact.Listening:
		if !login.Resolve.Status.Known() {
			return // the resolver could not tell
		}
		evidence = append(evidence, prose("dns", string(login.Resolve.Status), o))
	case login.Reach.Status == "":
		return // it was not tried to the end
	case login.Reach.Status != fact.Listening:
		evidence = append(evidence, address(login.Reach.Address, o), text("port443", string(login.Reach.Status), o))
	case login.TLS != nil && login.TLS.Handshake != nil:
		evidence = append(evidence, prose("tls", login.TLS.Handshake.Detail, o))
	case login.TLS != nil && !login.TLS.Verified && !login.TLS.WeakOnly:
		evidence = append(evidence, certificateEvidence(login, o)...)
	case asked && (realm.Problem == "bad-address" || realm.Problem == "bad-url"):
		return // it was not asked
	case asked && realm.Problem != "":
		evidence = append(evidence, link(realm.Source, o), text("answer", realm.Problem, o), prose("detail", realm.Detail, o))
		if realm.Status != 0 {
			evidence = append(evidence, text("status", strconv.Itoa(realm.Status), o))
		}
	default:
		return
	}
	if login.TLS != nil && notRead(login.TLS) {
		evidence = append(evidence, certificateEvidence(login, o)[1:]...)
	}
	finding := found("login-service-unavailable", "realm", evidence...)
	if login.TLS != nil && notRead(login.TLS) {
		finding = unread(finding)
	}
	if asked && realm.Status > 0 && realm.Status < 500 {
		finding = finding.with(Possible) // something answered, and not as the service does
	}
	emit(finding)
}

// anyAnswer reports whether any host at all was reached.
func anyAnswer(f *fact.Facts) bool {
	login, _, _ := fact.Get(f, fact.LoginKey)
	return login.Reach.Status == fact.Listening || othersAnswer(f)
}

// othersAnswer reports whether any host but the login service answered.
func othersAnswer(f *fact.Facts) bool {
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range candidates {
		if c.Reach.Status == fact.Listening {
			return true
		}
	}
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	for _, e := range hosts {
		if e.Reach.Status == fact.Listening {
			return true
		}
	}
	return false
}

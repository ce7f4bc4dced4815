// Package adfs observes the federation leg of a sign-in: to whom a domain's
// users are sent ([Client.DiscoverRealm]), what the federation service says
// about its own endpoints ([Client.CheckMEX], [ParseMEX]), and what the codes
// mean that the services on this leg answer with ([LookupCode]).
//
// The package reports what was seen, each oddity under a code of its own
// (see [Codes]); it does not judge whether that keeps somebody from signing
// in. Every result survives encoding/json without loss, so that it can be
// recorded and looked at again later.
//
// Nothing here opens a connection by itself: the caller's http.Client decides
// about names, addresses, proxies and trust.
package adfs

// Package adfs observes the federation leg of a sign-in: to whom a domain's
// users are sent ([Client.DiscoverRealm]), what the federation service says
// about its own endpoints ([Client.CheckMEX], [ParseMEX]) and keys
// ([Client.FetchFederationMetadata]), whether it issues a token
// ([Client.RequestToken], [ParseTrustAnswer]), and what the codes mean that the
// services on this leg answer with ([LookupCode]).
//
// A password is sent by RequestToken alone, once, to a host that the caller
// names. It is held in a [Secret], which prints as a constant.
//
// The package reports what was seen, each oddity under a code of its own
// (see [Codes]); it does not judge whether that keeps somebody from signing
// in. Every result survives encoding/json without loss, so that it can be
// recorded and looked at again later.
//
// Nothing here opens a connection by itself: the caller's http.Client decides
// about names, addresses, proxies and trust.
package adfs

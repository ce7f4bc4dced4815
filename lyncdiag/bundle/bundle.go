// Package bundle reads what a user sent: client logs now, whole support
// bundles beside them later. It writes facts and judges nothing.
package bundle

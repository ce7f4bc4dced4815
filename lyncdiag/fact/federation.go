package fact

// FederationSettings is how a domain is federated, as the tenant holds it
// (Get-MsolDomainFederationSettings, Get-MgDomainFederationConfiguration).
// A field that the export does not have is "".
type FederationSettings struct {
	Domain     string `json:"domain"`
	IssuerURI  string `json:"issuerUri"`
	MEXURL     string `json:"mexUrl"`
	ActiveURL  string `json:"activeUrl"`
	PassiveURL string `json:"passiveUrl"`
	// SigningCertificate and NextSigningCertificate are base64 of DER, as the
	// cmdlets print them.
	SigningCertificate     string `json:"signingCertificate"`
	NextSigningCertificate string `json:"nextSigningCertificate"`
}

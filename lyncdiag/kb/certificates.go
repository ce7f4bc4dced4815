package kb

import "time"

// CertificateRole is what the certificate of one kind of host must show.
type CertificateRole struct {
	Name  string // access-edge, pool, director, reverse-proxy, lync-online, adfs, client
	Title string
	// Names must be among the subject alternative names. {host} stands for the
	// host asked for, {domain} for the sign-in domain; a name with {domain} is
	// left out while the domain is not known.
	Names []string
	// Optional are names that only some deployments need.
	Optional []string
	// SubjectRepeated: the common name must be among the alternative names too.
	SubjectRepeated bool
	// Wildcard may stand in for a name of Names ("*.contoso.com"), or be the common name.
	Wildcard bool
	// Usage is the extended key usage: serverAuth or clientAuth.
	Usage string
	// RevocationList: it must name at least one.
	RevocationList bool
	// Issuer is part of the issuer's name; "": any.
	Issuer string
	// Life is how long it is valid, at most; 0: as its issuer likes.
	Life time.Duration
	// Public: computers outside the company must trust its root by themselves.
	Public bool
	// Sources are where this is written.
	Sources []string
}

// CertificateRoles are the expectations, as the product's documents have them.
func CertificateRoles() []CertificateRole {
	const (
		planning = "Lync Server 2013, Certificate infrastructure requirements"
		edge     = "Lync Server 2013, Certificate requirements for external user access"
		internal = "Lync Server 2013, Certificate requirements for internal servers"
		wildcard = "Lync Server 2013, Wildcard certificate support"
		proxy    = "Lync Server 2013, Configure certificates for the reverse proxy"
		adfs     = "Windows Server, AD FS requirements, Certificate requirements"
	)
	inside := []string{"lyncdiscoverinternal.{domain}", "lyncdiscover.{domain}", "meet.{domain}", "dialin.{domain}", "admin.{domain}"}
	return []CertificateRole{
		{Name: "access-edge", Title: "Access Edge", Names: []string{"{host}", "sip.{domain}"}, Optional: []string{"webconf.{domain}"}, SubjectRepeated: true, Usage: "serverAuth", RevocationList: true, Public: true,
			Sources: []string{planning, edge, wildcard}},
		{Name: "pool", Title: "Front End pool", Names: []string{"{host}", "sip.{domain}"}, Optional: inside, SubjectRepeated: true, Usage: "serverAuth", RevocationList: true,
			Sources: []string{planning, internal}},
		{Name: "director", Title: "Director", Names: []string{"{host}", "sip.{domain}"}, Optional: inside, SubjectRepeated: true, Usage: "serverAuth", RevocationList: true,
			Sources: []string{planning, internal}},
		{Name: "reverse-proxy", Title: "reverse proxy", Names: []string{"{host}"}, Optional: []string{"lyncdiscover.{domain}", "meet.{domain}", "dialin.{domain}"}, Wildcard: true, Usage: "serverAuth", Public: true,
			Sources: []string{proxy, wildcard}},
		{Name: "lync-online", Title: "Lync Online", Names: []string{"{host}"}, Wildcard: true, Usage: "serverAuth", RevocationList: true, Public: true,
			Sources: []string{"KB2409256"}},
		{Name: "adfs", Title: "AD FS service", Names: []string{"{host}"}, Optional: []string{"certauth.{host}"}, Wildcard: true, Usage: "serverAuth", Public: true,
			Sources: []string{adfs}},
		{Name: "client", Title: "personal certificate of a client", Usage: "clientAuth", Issuer: "Communications Server", Life: 8760 * time.Hour,
			Sources: []string{"Set-CsWebServiceConfiguration, DefaultValidityPeriodHours: 4320 hours (180 days) unless set otherwise, 8760 at most"}},
	}
}

package fact

import "time"

// The facts of exports. Each file is an origin.
var (
	DirectoryUsersKey   = NewKey[[]DirectoryUser]("directory.users")     // the target, and who shares an address with it
	DirectoryDomainsKey = NewKey[[]DirectoryDomain]("directory.domains") // the target's domain
	DirectoryErrorsKey  = NewKey[[]DirectoryError]("directory.errors")   // about the target
	OrganizationKey     = NewKey[Organization]("directory.organization")
	ServiceHealthKey    = NewKey[[]ServiceHealth]("service.health")
	ServerTestsKey      = NewKey[[]ServerTest]("adfs.tests")
)

// DirectoryUser is a user as one object of one export shows it. A yes or no
// that the object does not tell is ""; so is a text it does not have.
type DirectoryUser struct {
	Object            int        `json:"object"` // its place in the export, from 1
	Cmdlet            string     `json:"cmdlet"` // what wrote the export, such as "Get-MsolUser"
	Name              string     `json:"name"`   // user principal name, else what identifies it
	UserPrincipalName string     `json:"userPrincipalName"`
	DistinguishedName string     `json:"distinguishedName"` // in Active Directory
	SIPAddresses      []string   `json:"sipAddresses"`      // without "sip:", the primary one first
	Enabled           Attribute  `json:"enabled"`           // may the account sign in
	SIPEnabled        Attribute  `json:"sipEnabled"`        // msRTCSIP-UserEnabled; an empty one is yes
	OnPremises        Attribute  `json:"onPremises"`        // is the user homed on a server of the company's own
	Synchronized      Attribute  `json:"synchronized"`      // does the object come from Active Directory
	LastSync          time.Time  `json:"lastSync"`          // when it came from there; it keeps the time while nothing changes
	Changed           time.Time  `json:"changed"`           // when the object in Active Directory was changed
	Licensed          Attribute  `json:"licensed"`          // has the user any licence; no: none at all
	Plans             []LyncPlan `json:"plans"`             // those that let sign in to Lync Online
	PlansKnown        bool       `json:"plansKnown"`        // Plans is all there is
	Presumed          bool       `json:"presumed"`          // that there is none is told by a list that may be empty because nobody asked for it
	UnknownPlans      []string   `json:"unknownPlans"`      // names or ids of plans that may let sign in, or not
	Listed            bool       `json:"listed"`            // Lync Online itself lists the user
	Errors            []string   `json:"errors"`            // of synchronization or provisioning, as the export has them
	Lost              []Loss     `json:"lost"`              // what should be in the export and is not
}

// Attribute is a yes or no, and the attribute that tells it.
type Attribute struct {
	Answer string `json:"answer"` // yes, no; "" unknown
	By     string `json:"by"`     // "BlockCredential True"
}

// LyncPlan is a service plan of Lync or Skype for Business in a user's
// licences.
type LyncPlan struct {
	Name   string `json:"name"`   // "MCOSTANDARD"; the id where the name is not known
	Status string `json:"status"` // assigned, provisioned, pending, disabled, suspended, error; "" unknown
	// AssignedAt is when the plan was assigned; zero: the export does not say.
	AssignedAt time.Time `json:"assignedAt"`
}

// Loss is a property that an export should have and lost or left out.
type Loss struct {
	Property string `json:"property"`
	Why      string `json:"why"`
}

// DirectoryDomain is a domain as one object of one export shows it.
type DirectoryDomain struct {
	Object   int       `json:"object"`
	Cmdlet   string    `json:"cmdlet"`
	Name     string    `json:"name"` // in its ASCII form; "" in federation settings that do not say it
	Verified Attribute `json:"verified"`
	Lync     Attribute `json:"lync"` // is Lync among the services of the domain
	// Federated: how the users of the domain are authenticated.
	Federated Attribute `json:"federated"`
	MEX       Attribute `json:"mex"`    // has it a metadata exchange address
	Active    Attribute `json:"active"` // has it an active sign-in address
	Lost      []Loss    `json:"lost"`
}

// Organization is what an export says of the tenant as a whole.
type Organization struct {
	Cmdlet       string    `json:"cmdlet"`
	Synchronized Attribute `json:"synchronized"`
	LastSync     time.Time `json:"lastSync"` // zero: unknown
}

// ServiceHealth is a service on the service health dashboard.
type ServiceHealth struct {
	ID      string `json:"id"`      // "Lync", "OrgLiveID"
	Service string `json:"service"` // "Skype for Business"
	Status  string `json:"status"`  // as the dashboard has it, such as "serviceOperational"
}

// DirectoryError is an error that a tool found in the directory, such as a
// line of an IdFix report.
type DirectoryError struct {
	Object    int    `json:"object"`
	Tool      string `json:"tool"` // "IdFix"
	Name      string `json:"name"` // distinguished name of the object
	Attribute string `json:"attribute"`
	Error     string `json:"error"` // such as "Duplicate"
	Value     string `json:"value"`
}

// ServerTest is a test of Microsoft's adfsToolbox on one AD FS server.
type ServerTest struct {
	Name     string `json:"name"`
	Computer string `json:"computer"`
	Result   string `json:"result"` // pass, not-run, fail, error, warning; "" unknown
	Detail   string `json:"detail"`
}

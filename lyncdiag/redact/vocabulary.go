package redact

import (
	"net/netip"
	"strings"
	"sync"
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// keptLabels are labels below a domain that clients and servers look up by
// name: they tell nothing of whose domain it is.
var keptLabels = set(`sip sipinternal sipexternal sipdir sipfed lyncdiscover lyncdiscoverinternal webdir webext webint meet dialin
	autodiscover enterpriseregistration enterpriseenrollment msoid adfs sts fs wpad www mail smtp ucupdates-r2 onmicrosoft`)

// wellKnownZones are domains of Microsoft, of certification authorities and of
// standards, whose names everybody sees.
var wellKnownZones = set(`lync.com lync.cn skype.com skypeforbusiness.com microsoft.com microsoft.us microsoftonline.com microsoftonline.us
	microsoftonline-p.com microsoftonline-p.net microsoftonline.cn partner.microsoftonline.cn office.com office.net office365.com
	office365.us outlook.com outlook.cn outlook.office.com live.com windows.net windowsazure.com azure.com azure.net azureedge.net
	trafficmanager.net akadns.net windowsupdate.com windows.com msocsp.com msftncsi.com msftconnecttest.com onmicrosoft.com
	onmicrosoft.us sharepoint.com msedge.net microsoftazuread-sso.com chinacloudapi.cn gcc-high.us
	digicert.com verisign.com symcb.com symcd.com geotrust.com thawte.com entrust.net globalsign.com globalsign.net comodoca.com
	comodo.com sectigo.com usertrust.com letsencrypt.org lencr.org godaddy.com starfieldtech.com amazontrust.com identrust.com
	quovadisglobal.com swisssign.net telesec.de d-trust.net certum.pl trustwave.com omniroot.com public-trust.com
	w3.org xmlsoap.org oasis-open.org ietf.org openxmlformats.org root-servers.net iana.org`)

// tenantZones are domains of Microsoft below which a label tells the tenant.
var tenantZones = set(`onmicrosoft.com onmicrosoft.us partner.onmschina.cn sharepoint.com mail.protection.outlook.com mail.onmicrosoft.com
	database.windows.net core.windows.net blob.core.windows.net file.core.windows.net cloudapp.azure.com trafficmanager.net azureedge.net`)

// secondLevel are the labels below a country's that domains are registered under.
var secondLevel = set(`co com net org gov edu ac or ne go gob gv ltd plc mil nom`)

// wellKnown reports whether a host's name stays as it is.
func wellKnown(name string) bool {
	if name == "localhost" || name == "lync.app" { // the client's folder on a Mac
		return true
	}
	for rest := name; ; {
		if tenantZones[rest] {
			return rest == name
		}
		if wellKnownZones[rest] {
			return true
		}
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			return false
		}
		rest = after
	}
}

// ofMicrosoft reports whether an address is in the ranges that are published
// for Lync Online, ids 11 and 12 of "Office 365 URLs and IP address ranges".
func ofMicrosoft(a netip.Addr) bool {
	for _, p := range published {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

var published = []netip.Prefix{netip.MustParsePrefix("13.107.64.0/18"), netip.MustParsePrefix("52.112.0.0/14"), netip.MustParsePrefix("52.120.0.0/14")}

// publicAuthority reports whether a part of a certificate's name is that of an
// authority that everybody trusts, or of the server that issues the clients'
// certificates.
func publicAuthority(text string) bool {
	for _, word := range []string{
		"digicert", "baltimore cybertrust", "cybertrust", "microsoft", "globalsign", "entrust", "let's encrypt", "isrg", "internet security research",
		"sectigo", "comodo", "usertrust", "geotrust", "thawte", "verisign", "symantec", "godaddy", "go daddy", "starfield", "addtrust", "quovadis",
		"swisssign", "telesec", "d-trust", "amazon root", "identrust", "network solutions", "trustwave", "certum", "buypass", "communications server",
	} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// dnGeneric are words in distinguished names that name nobody.
var dnGeneric = set(`ca root issuing server servers global authority certification certificate class public primary secondary tls ssl rsa ecc sha1
	sha256 sha384 g1 g2 g3 g4 g5 trust network secure the of and for inc ltd llc gmbh ag corp corporation co limited
	users computers configuration schema sites ntds settings aggregate default-first-site-name services domain controllers builtin
	intermediate policy signing federation adfs encryption token client intermediate subordinate enterprise
	recipients group fydibohf23spdlt first organization lc rtc service pool pools trusted administrative groups microsoft exchange system`)

// notDomains are words before a backslash that are no domain of accounts.
var notDomains = set(`authority builtin service software microsoft windows system system32 syswow64 users office lync communicator policies hkey_local_machine
	hkey_current_user hkey_users hkey_classes_root hkey_current_config hklm hkcu hku hkcr currentversion currentcontrolset control services
	program files x86 tracing appdata local roaming locallow temp tmp documents desktop downloads settings tools public profiles home
	sipstack source src include bin obj lib debug release inetpub wwwroot etc drivers config unifiedcommunications uccapi certificates my root ca
	iis certsrv nt mosdal network_tests user_applications admin_applications nslookup portqry
	user_data registry data application internet explorer cryptography network mail shared common identity lyncdiag`)

// authSchemes are those of HTTP whose credentials are one word.
var authSchemes = set(`basic bearer negotiate ntlm`)

// fileSuffix are endings of files, none of them a top-level domain that matters.
var fileSuffix = set(`txt log etl xml json html htm zip gz dll exe sys cpp hpp csv reg pem cer crt pfx der p12 p7b ini dat bak uccapilog uccplog evtx cab
	ps1 psm1 bat cmd config cache svc aspx asmx srf png gif jpg css vbs msi inf pdb tmp lnk cache manifest sip md cs js go py`)

// topLevel are the domains of countries, and others that hosts are found under.
var topLevel = sync.OnceValue(func() map[string]bool {
	return set(`ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch ci ck
		cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt
		gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc
		md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py
		qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk
		us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
		com net org edu gov mil int info biz pro mobi aero asia coop jobs museum travel tel cat post xxx arpa
		app dev cloud online shop store tech xyz top club vip work works world live life email systems solutions services group company
		digital agency consulting media news blog page wiki space website host2 bank insurance finance capital fund legal law health care clinic
		hospital dental school academy university college education church foundation charity energy solar green eco farm garden
		city town berlin hamburg koeln bayern ruhr wien tirol swiss london paris nyc tokyo amsterdam brussels moscow
		global international enterprises industries technology software engineering network computer center institute
		design studio photography gallery art music film games fun plus one team social community international2
		google microsoft azure amazon bmw audi siemens bosch sap sky ltd gmbh inc llc corp
		local lan localdomain internal intern intra intranet corporate home homenet private priv domain ad ads root loc dom prod prd
		test example invalid lab onion office hq branch`)
})

// addressing are words before a name that make it one also where it is an everyday
// word.
var addressing = set(`mr mrs ms dr prof herr herrn frau mme madame monsieur señor señora sr sra signor signora user benutzer utilisateur
	usuario utente gebruiker colleague kollege kollegin dear hello hi hallo bonjour hola liebe lieber`)

// everyday are lower-case words that stand alone in logs and reports with their
// own meaning, so that a name that is one of them is replaced only where it has to
// be a name.
var everyday = sync.OnceValue(func() map[string]bool { return set(everydayWords) })

const everydayWords = `
incorrect non printed prints print typed shows showed asked heard built sends holds names the and for are but not you all any can had her was one our out day get has him his how man new now old see two way who boy did its let
put say she too use that with have this will your from they know want been good much some time very when come here just like long make many
more only over such take than them well were what where which while about after again also among another around away back because before being
below between both bring call came change check close could does done down each either else end even ever every far few find first five found four
full gave give given gives goes gone great group grow hand hard head help high hold home hope house idea into keep kept kind last late later lead
learn least leave left less life line list little live local longer look lost made main may mean means might mind mine miss most move must name
near need never next nine nothing off often once open order other own part pass past people place plan point present real right room run said
same second seen send sent set seven several shall short should show side since six small something start state stay stop sure tell ten text
there these thing think third those three through time today together told took top toward try turn type under until upon used uses using
usual value view wait walk want wanted week went whether white whole why within without word work works world would write wrong year yes
yet young black blue green red brown gray grey bell bill bush cook cole dean drew earl faith field fields fisher ford forest fox frank gene grace grant
grey hall hill hunt hunter jack joy king knight lane lee long love mark marks mason may miles mills moon moore max min art baker banks bishop bond
brook brooks brush butler carpenter carter chance chase church clay cliff cross day dawn dale dick dollar driver eve farmer flower gold golden
guy hope iris ivy jay jean joy june april august summer winter law light lily major marshall max mercy miller nick noble olive page park parker
parks pat patience penny porter potter price prince queen ray reed rich rob rock rose ruby rusty sandy scott shepherd sky smith snow star
stone strong sunny taylor temple turner victor violet walker ward waters weaver web wells west wise wolf wood woods bob chat chip pen ash sun son
east north south
account accounts accepted access action active activity actual add added adding additional address addresses admin administrator administrators agent
alert alias allow allowed already answer answered answers anonymous apply application applications asked attempt attempts attribute attributes audio auth
authentication authenticate authenticated authorization authority auto autodiscover automatic available bad bandwidth base basic bearer begin
block blocked body box branch bridge broken browser buffer build built bundle business byte bytes cache cached cannot cancel canonical capability
card case cause caused causes certificate certificates chain challenge challenged channel cipher class clear click client clients clock clocks cloud
code codes collect column command comment commit common communicator communications company complete component computer computers condition conference
confidence config configuration configure configured confirm confirmed conflict connect connected connecting connection connections contact contacts contain contains
contact content context control controller cookie copy core correct count counter country create created credential credentials critical current customer
data database date deadline debug default delay delete deleted delivery deny denied deployment depth desktop detail details detected device diagnose diagnosis
diagnostic diagnostics digest direct direction directory director disable disabled discover discovery display document documents domain domains dot download drop dump duplicate
duration edge edit either element email empty enable enabled encoding endpoint endpoints engine enter enterprise entry entries environment error errors event events evidence
exact example exchange exist exists exit expand expect expected expired expires explorer export exports extended extension external extra fail failed failing fails failure fault
false fax features federated federation fetch field fields file files filter filtered final finance finding findings finish finished firewall fix fixed flag flags flow folder force foreign form
format forward forest frame free front function gateway general generate generic global good grid groups guest guide guest handler handshake hash header headers
health healthy held hello helpdesk helps hidden history hop host hosted hosting hosts hour hours html http https hybrid identity ids idle image impossible inactive inbound include included
incoming incomplete index info infos information infrastructure init initial input inside install installed instance integer interface intermediate internal internet interval interview
invalid invite issue issued issuer item items join joined kerberos key keys keyword lab label language large latency launch layer lease legacy length level licence license
licensed light limit link linked listed listen listening lists load loaded local locale location lock locked log logged login logon logs lookup loop lync machine mail mailbox
maintenance manage managed management manager manual map mapped match matched maximum media medium meeting member members memory message messages meta metadata method methods microsoft
middle minimum minute minutes missing mobile mode model modified module monitor month move multiple names native network networks node nodes none normal note
notes notice notify null number numbers object objects observed offer offered offers office offline online only opaque open opened operation operations operator option optional options
organisation organization origin original other outbound outcome outgoing output outside owner package packet page pages pair parameter parameters parse parser part partner
partners party pass passed password path paths pattern pay peer pending permission permissions person personal phase phone phones picture ping plain plan plans platform policy poll pool pools port portal ports possible post
power prefix premises presence press primary principal print private probable probe problem problems procedure process product production profile program project proof properties
property protocol proved provider provision provisioned provisioning proxy public publish published purpose question questions queue quick quit range rate reach reached read reader
ready realm reason received receiver recent record records recover redirect reference references refresh refused regular register registrar registration registry reject rejected related relay release reload
remote remove removed renew repair repeat replace replaced reply report reported reports request requested requests require required requires research reserved reset resolve resolved resolver
resource resources response responses rest restart result results retry return reverse revocation revoked role roles root roots route router routing rule rules safe sales sample
save saved scan schedule schema scheme scope script search secret section secure security select selected self sender sending server servers service services session sessions setting settings setup
severity share shared shell sign signal signature signed signing signin silent simple single sip site sites size skip skipped skype sleep socket software source space special split stack
stage stages stamp standard standby started starts state static station status step steps still storage store stored stream strict string strings structure stub subject subscribe subscription success
succeeded suite summary supplier support supported supports suppress suspend switch symptom sync synchronization synchronized syntax system systems table tag takes target targets task team technical telephone temp temporary
tenant term terminal test tested tester testing tests thread ticket tickets tier timeout times timer title tls token tokens tool tools total trace tracing traffic transfer transport
tree trigger true trunk trust trusted trusts unable unauthorized unavailable undefined unexpected union unit unknown unlock unprovisioned unreachable unreadable unresolved unsupported untrusted update updated upgrade upload user username users valid
validate validity value values vendor verb verdict verified verify version versions via video virtual visible visit voice wanted warned warning warnings watch web weak webticket
windows wire wireless works worker worldwide worst wrapper write written wrote www xml zero zone
lyncdiscover lyncdiscoverinternal sipinternal sipexternal sipdir webdir contoso-example microsoftonline onmicrosoft outlook adfs sts mex dns srv tcp udp ssl ntlm kdc oauth saml soap rst url uri uuid guid sid
ucc uccapi uccapilog rtc rtcc ocs cls snooper mosdal portqry nslookup powershell cmd exe dll reg
via cseq expires allow route supported require accept contact content-type content-length record-route max-forwards algorithm signature
register subscribe notify invite ack bye cancel options info message benotify refer service publish update
aan aber able above absent accepts accounting accueil activation adfssrv administrative advice affected afternoon age agency ago agora ahora ainda
algo alle allem allen aller alles allows alone als alt alternative although amount analyst anche ancora andere anderen anew anmelden anmeldung anno
announcing annual anruf antes anyone apartment apostrophe appointment appproxysvc apps après aqui aquí architecture area article ask asking asks
assertion assign assigned assigning assim assistant associate así attach até auch auditor aunque aus aussi auswahl autre autres autumn aux avant avec
avenue award año balancer balancers banking basement bathroom battery beaucoup behind bei beim belong belongs bem bene benutzer benutzername bereich
bereits beside besprechung beyond bien bij bind binding bits bitte blanks blocklist blocks board boardroom bonjour book booking boss bottle bound
braces breakfast breaks buenos building bureau bus buy bypass büro cable caching cada calendar called calls camera candidate canteen capacity captain
career cars casa cash casi catering cela celle celui ceo cert certutil ces cet cette chair chairman chairwoman changed chapter character characters
che checks chef chemistry chez chi chief child children choose chosen circle citizen claim claims clears cliente clouds cmdlet coach coffee colleague
com comes comme como compare compares complains compliance compression compte concern conclude concludes conditional confirms connects connexion
consent construction consultant consulting consumer conta contra contract contractor contradict contre controllers conversation copying corner
corporate correo cosa cost counts courier course covers creative crew cual cuando cuenta cui culture cut cuts daily dal dalla damit dan dann dar
dashboard dass dat databases datei daten dates datum days dead dealer debt december decrypts degli delegation della delle dem demands den denies denn
dentist department depends deploy deployments depois depuis deputy deren describes desde design designer después deutsch deux deze dia dienst diese
diesem diesen dieser dieses differ difference different differs digits dinner directly disagree discount dispatch distribution district dit doch
doctor documented donc donde donor dont door dopo dort dos dove downtown dropping due durante durch día días earlier edition editor education een
eight einem einen einer eines einkauf ele electric electrician eles ella elle elles ellos empfang employee employees employer employment encore
encrypted ende ends energy enforcement engineer engineering enrolment entre então equal equipment era eran erreur errore erst erste ese eso essere
esta estado estar estate este esto está etwas evening everybody everyone everywhere exactly exclude executive exempt exemption exhibition expert
explain explains facilities facility factor factory faire fait fall family fare farm february fehler fenster fetched fiction fifth filters fin finally
finds fine fino firewalls firma fits fleet floor foi fois follow follows food forbids forth forwarder forwarders forwarding fourth frage freitag
friday friend fue further ganz garage garden gas gate gear gebruiker geen gegen geht gerät gets gibt gli goed graduate gran grocery ground growth
gruppe guess gut haar haben había hace hacer half hang hangs hanno happened hardware hasta hat hatte hay heb heeft helpful het heute hide hier hij
hinter hints hoe hoje holds holiday homed hops hospital hotel hotfix hoy human husband hyphen ich ici icon iets ignore ihm ihn ihnen ihr ihre iisreset
ils immer import incident income industrial industry inicio inner ins inspect inspection inspector installing installs instead institute insurance
intercepted intern inventory investment ipconfig island isso issuance issues isto itself jaar jahr january jede jeder jetzt jour jours judge judged
junior jusque kan kann kantoor kein keine kennwort kitchen  known knows konferenz konto kunde können laboratory lack lady  land latest
leader leadership leads learns leaves legal leitung lesson lets letter letters leur leurs leute librarian library licences lies lighting likely limits
lines listens lives lizenz loading lobby logging logistics london lookups loro lose lui lunch lyncdiag maar machinery magazine mai mainboard mainly
mais maker makes mal march market marketing mas master material math matter mayor meant mechanic medical meer meets mehr mein meine mejor meldung
menos mensaje merci mes mesmo messaggio met mich mientras mijn mir misleads misma mismo misspelled mitte mittwoch modern moet moins mois molto momento
monday monde mondo money montag morning mot mother motor moved msoidsvc mucho muito museum music muss muy más même müssen naar nach nachricht nada
named namespace nation nature needed needs neither nella nem nested net netsh netstat neu neue neuen newer newest nichts niet night nobody noch nog
noi nom nombre nome nor nos nosotros nostro noted notre nous nova november novo nowhere nummer numéro nun nur nurse nós oben ocean october oder
officer ogni ohne older omdat onde onder ones ons ontem ook opens operating ora orange orchestra organizations organizer others otra otro otros outage
outra outro owns pack packs paint painter paper par parce parent parking parte partly passes passing passwords passwort paste patient payment payroll
país pela pelo pendant per perché permit pero personas peu peut pharmacy photo physics piano pilot pink planner planning plant player plumber plus
poco pode poi police porque pourquoi premier president pretty prima primera prints priority prison probably problema procurement products professor
programmer projector projekt promotion properly proves proxies publishes puede pues purchasing purple puts qualche quality quand quando quanto quarter
quel quella quelle quello quem queries query questa questo qui qué radio rail rain raum reaches reading reception receptionist recruiting recruitment
recursion rede redirected redirects refusal refuse refuses regional registered regularly rejects relies religion relying remainder remains removes
rent rental repeats replaces replication reporter reproduce requirements resolves restaurant retail rete retired rewrites rewriting richtig rien river
rmdir road round runs réseau sache sala salle samstag sans saturday saw says science scientist secretary segment segundo según sehr sein seine seit
seite sem sempre sends senior senza september ser sergeant servicio servidor ses setspn seu seul seulement shift ship shipping shop shopping shown
shows sich sicherheit sido sie siempre signatures signs silver sim sin sind sister sobre social soldier sollte solo somebody sometimes song sonntag
sono sont sous sowie speak spelling sport spread spring sslcert stadt staff stair stale stand stands stata stato stays steel stelle stopped stops
straight strategy street student studio stunde sua succeed succeeds suffer sunday suo supervisor sur surgery surname survey sus synchronize são sólo
taken también também tan tanto teacher teaching technician technology teil telefon television tells tem tempo tener ter theater theatre theirs
themselves then thursday tiempo tiene tienen todo todos topology tous tout toute toutes tra trabajo trabalho tracert train trainee trainer training
travel treasury treat tries trop trouble trouver truck très tudo tuesday turned turns tutti tutto twice typed types typist ufficio una unchanged
underscore understand undo university unlocks unser unsere unten unter unusable updates updating usable usage usefully usernamemixed usually usuario
usuário utente utilisateur vacation vain van vehicle verbindung vergessen verifies verkauf vers vertrieb verwaltung vez vice vida viel village visitor
você volta volunteer vom vor vos votre vous waiter waiting waits wants war warehouse warum washing water ways weather wednesday weekend wegen weight
weil weiter welche welcome wenn wer werden whom whose wie wieder wife wildcard wind window windowstransport winhttp winver wir wird woman women wonder
worked working workplace workshop writes wurde yard yellow yesterday yours yourself zeit zentrale zoo zum zur zurück zwei zwischen été être
adapter appid certhash certlm certmgr certstorename decide gcc ipport isn json multi offset pre reasons sipfed snap urn
und der die das ist nicht mit von für auf ein eine le la les des est pas une pour dans el los las del que por con para não uma
`

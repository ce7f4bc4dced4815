package redact_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

type hiddenCase struct{ in, want string }

// testHidden redacts each text by itself, and what comes out once more.
func testHidden(t *testing.T, cases []hiddenCase) {
	t.Helper()
	for _, c := range cases {
		r := redact.New()
		got := r.Text(c.in)
		if got != c.want {
			t.Errorf("Text(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
		if again := r.Text(got); again != got {
			t.Errorf("twice: %q becomes %q", got, again)
		}
	}
}

func TestPasswords(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"Kennwort: Geheim123", "Kennwort: [redacted]"},
		{"Passwort=Geheim,123;user=x", "Passwort=[redacted];user=user-r1"},
		{"password:hunter2 status=404", "password:[redacted] status=404"},
		{"mot de passe : hunter2", "mot de passe : [redacted]"},
		{"Mot de passe\u00a0: hunter2", "Mot de passe\u00a0: [redacted]"},
		{"ce qui se passe: erreur 404", "ce qui se passe: erreur 404"},
		{"contraseña: hunter2", "contraseña: [redacted]"},
		{"CONTRASEÑA: hunter2", "CONTRASEÑA: [redacted]"},
		{"PIN: 1234", "PIN: [redacted]"},
		{"your PIN is 1234.", "your PIN is [redacted]."},
		{"passcode 1234567", "passcode [redacted]"},
		{"access code: 1234567", "access code: [redacted]"},
		{"senha: x1y2; palavra-passe: x1y2", "senha: [redacted]; palavra-passe: [redacted]"},
		{"wachtwoord: x", "wachtwoord: [redacted]"},
		{"lösenord: x", "lösenord: [redacted]"},
		{"hasło: x", "hasło: [redacted]"},
		{"пароль: qwe", "пароль: [redacted]"},
		{"Пароль: qwe", "Пароль: [redacted]"},
		{"パスワード：hunter2", "パスワード：[redacted]"},
		{"密码: hunter2", "密码: [redacted]"},
		{"我的密码是hunter2", "我的密码是[redacted]"},
		{"密码错误", "密码错误"},
		{"비밀번호: hunter2", "비밀번호: [redacted]"},
		{"كلمة المرور: hunter2", "كلمة المرور: [redacted]"},
		{"κωδικός πρόσβασης: hunter2", "κωδικός πρόσβασης: [redacted]"},
		{"kata sandi: hunter2", "kata sandi: [redacted]"},
		{"the password is hunter2, he says", "the password is [redacted], he says"},
		{"das Kennwort lautet Geheim123.", "das Kennwort lautet [redacted]."},
		{"the password is 'sword fish'", "the password is '[redacted]'"},
		{"the password is incorrect", "the password is incorrect"},
		{"the password is expired", "the password is expired"},
		{`"text":"The password is expired."},{"x":"a"}; y`, `"text":"The password is expired."},{"x":"a"}; y`},
		{"das Kennwort ist abgelaufen", "das Kennwort ist abgelaufen"},
		{"password must be changed", "password must be changed"},
		{"net use -Password hunter2 -Force", "net use -Password [redacted] -Force"},
		{"Get-AdfsEndpoint -AddressPath /adfs/x", "Get-AdfsEndpoint -AddressPath /adfs/x"},
		{`ConvertTo-SecureString "swordfish" -AsPlainText`, `ConvertTo-SecureString "[redacted]" -AsPlainText`},
		{`{\"password\":\"hunter2\",\"n\":1}`, `{\"password\":\"[redacted]\",\"n\":1}`},
		{"DefaultPassword=hunter2", "DefaultPassword=[redacted]"},
		{"ForceChangePassword: False", "ForceChangePassword: False"},
		{`"SavePassword"=dword:00000001 SavePassword=1`, `"SavePassword"=dword:00000001 SavePassword=1`},
		{"<wsse:Password Type=\"x\">a,b&amp;c</wsse:Password>", "<wsse:Password Type=\"x\">[redacted]</wsse:Password>"},
		{"password: client", "password: [redacted]"},
	})
}

// TestPropertyLists: PowerShell pads the names of properties to one width.
func TestPropertyLists(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"Password     : Geheim!1\r\n", "Password     : [redacted]\r\n"},
		{"AccessToken                       : abc def", "AccessToken                       : [redacted]"},
		{"DisplayName                            : Jane Roe", "DisplayName                            : name-r1 name-r2"},
		{"SamAccountName                         : jroe77\njroe77", "SamAccountName                         : user-r1\nuser-r1"},
		{"City                : Ulm", "City                : name-r1"},
		{"OfficePhone         : 12345", "OfficePhone         : 9990000001"},
		{"ComputerName        : KX77Q", "ComputerName        : host-r1"},
		{"RegistrarPool       = pool01.contoso.corp", "RegistrarPool       = host-r1.domain-r1.example"},
		{"City                : \r\n", "City                : \r\n"},
		{"Password            :: x", "Password            :: x"},
		{"Domain              == x", "Domain              == x"},
		{"User                : failed", "User                : failed"},
		{"Host       Port    : 5061", "Host       Port    : 5061"},
		{"the user        <b>is  here</b>", "the user        <b>is  here</b>"},
		{"Source              : LS User Services", "Source              : LS User Services"},
		{"Server              : x", "Server              : x"},
		{"Company             : Microsoft Corporation", "Company             : Microsoft Corporation"},
	})
}

func TestSecretWords(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"INC002\tUser cannot change password\tKB12345\tFront End 404", "INC002\tUser cannot change password\tKB12345\tFront End 404"},
		{"Password\tSipAddress\tLineURI", "Password\tSipAddress\tLineURI"},
		{"Source:\tMicrosoft-Windows-Security-Auditing", "Source:\tMicrosoft-Windows-Security-Auditing"},
		{"\tAccount Domain:\t\tNT AUTHORITY", "\tAccount Domain:\t\tNT AUTHORITY"},
		{"UserName           : BUILTIN", "UserName           : BUILTIN"},
		{"Host            : ConsoleHost", "Host            : ConsoleHost"},
		{"UserId             : S-1-5-18", "UserId             : S-1-5-18"},
		{"/cb?code=AADSTS50058-session-missing&x", "/cb?code=AADSTS50058-session-missing&x"},
		{"/cb?code=user_authentication_required", "/cb?code=user_authentication_required"},
		{"pass 3\tpass: 12/12 passed", "pass 3\tpass: 12/12 passed"},
		{"pass: all tests2 ok", "pass: all tests2 ok"},
		{"peer=fe01:tls,joe@contoso.corp", "peer=host-r1:tls,user-r1@domain-r1.example"},
		{"7. Remove the saved passwords: Control Panel > Credential Manager.", "7. Remove the saved passwords: Control Panel > Credential Manager."},
		{"no sip.<domain>\tKB2566790", "no sip.<domain>\tKB2566790"},
		{"http://joe:2024#x@proxy.contoso.corp:8080", "http://[redacted]@host-r1.domain-r1.example:8080"},
		{`"refreshToken":"abcdef", "idToken": "a.b", "accessToken":"x"`, `"refreshToken":"[redacted]", "idToken": "[redacted]", "accessToken":"[redacted]"`},
		{"secretText=abc", "secretText=[redacted]"},
		{"privateKey: abc", "privateKey: [redacted]"},
		{"proxy_pass: abc; clientSecret=abc", "proxy_pass: [redacted]; clientSecret=[redacted]"},
		{"pw: abc", "pw: [redacted]"},
		{"pass: abc123 pass=abc", "pass: [redacted] pass=[redacted]"},
		{`"pass":"geheim" "pass":"ok" "pass": 12`, `"pass":"[redacted]" "pass":"ok" "pass": 12`},
		{"pass: 3 fail: 2, Pass: ok, --- PASS: TestA2b, pass build16 on", "pass: 3 fail: 2, Pass: ok, --- PASS: TestA2b, pass build16 on"},
		{"ProxyPass=abc", "ProxyPass=[redacted]"},
		{"proxy_pass: abc", "proxy_pass: [redacted]"},
		{"X-Api-Key:abc", "X-Api-Key:[redacted]"},
		{"Ocp-Apim-Subscription-Key: abc", "Ocp-Apim-Subscription-Key: [redacted]"},
		{"AccountKey=abc/def==;EndpointSuffix=core.windows.net", "AccountKey=[redacted];EndpointSuffix=core.windows.net"},
		{"https://x.core.windows.net/a?sv=2019&sig=abc%2Fdef%3D&se=2020", "https://domain-r1.core.windows.net/a?sv=2019&sig=[redacted]&se=2020"},
		{"/cb?code=0.AXoAbc-def_ghi.jkl&state=12", "/cb?code=[redacted]&state=12"},
		{"/cb?code=404&x=1 code=0x80ef0194 error code=failed-to-connect-at-all", "/cb?code=404&x=1 code=0x80ef0194 error code=failed-to-connect-at-all"},
		{"Password\tgeheim1\r\n", "Password\t[redacted]\r\n"},
		{"Password\tUser\tHost", "Password\tUser\tHost"},
		{"password => 'geheim', x", "password => '[redacted]', x"},
		{":password => geheim", ":password => [redacted]"},
		{"    DefaultPassword    REG_SZ    geheim\r\n", "    DefaultPassword    REG_SZ    [redacted]\r\n"},
		{"    DefaultUserName\tREG_SZ\tjoe", "    DefaultUserName\tREG_SZ\tuser-r1"},
		{"    Password    REG_BINARY    4700650068", "    Password    REG_BINARY    [redacted]"},
		{"    SavePassword    REG_DWORD    0x1", "    SavePassword    REG_DWORD    0x1"},
		{"    Password    REG_SZ    \r\n", "    Password    REG_SZ    \r\n"},
		{`WWW-Authenticate: Basic realm="x"`, `WWW-Authenticate: Basic realm="x"`},
		{"authentication: Basic auth is used", "authentication: Basic auth is used"},
	})
	for _, in := range []string{
		`"Authorization":"Bearer am9.qzx.c"`, "Authorization: Bearer am9.qzx.c", `\"Authorization\": \"Basic qzxy\"`, "[Authorization, Bearer am9.qzx.cdef]", "Authorization=Basic qzxy",
	} {
		r := redact.New()
		got := r.Text(in)
		if strings.Contains(got, "qzx") || strings.Contains(got, ".c") {
			t.Errorf("%q becomes %q", in, got)
		}
		if again := r.Text(got); again != got {
			t.Errorf("twice: %q becomes %q", got, again)
		}
	}
}

// TestPairs: what a value is stands in the name beside it.
func TestPairs(t *testing.T) {
	testHidden(t, []hiddenCase{
		{`x {"name":"password","value":"geheim"}`, `x {"name":"password","value":"[redacted]"}`},
		{`x {\"name\":\"password\",\"value\":\"geheim\"}`, `x {\"name\":\"password\",\"value\":\"[redacted]\"}`},
		{`x {"name": "Cookie", "value": "a=b; c=d"}, {"name":"x","value":"y"}`, `x {"name": "Cookie", "value": "[redacted]"}, {"name":"x","value":"y"}`},
		{"\"name\": \"X-MS-WebTicket\",\r\n  \"value\": \"geheim\"\r\n", "\"name\": \"X-MS-WebTicket\",\r\n  \"value\": \"[redacted]\"\r\n"},
		{`<add key="Password" value="geheim"/>`, `<add key="Password" value="[redacted]"/>`},
		{"<add key='Password'\n value='geheim'/>", "<add key='Password'\n value='[redacted]'/>"},
		{`<add key="Host" value="x"/> name="password policy" value="strong"`, `<add key="Host" value="x"/> name="password policy" value="strong"`},
		{"name=\"password\"\n\n\nvalue=\"x\"", "name=\"password\"\n\n\nvalue=\"x\""},
	})
	in := `{"cookies":[{"name":"a","value":"b"}],"headers":[{"name":"Cookie","value":"c=d"},{"name":"Accept","value":"e"},{"name":"x-ms-webticket","value":"f"}],` +
		`"params":[{"name":"Password","value":"g"},{"value":"h"}]}`
	want := `{"cookies":[{"name":"a","value":"[redacted]"}],"headers":[{"name":"Cookie","value":"[redacted]"},{"name":"Accept","value":"e"},{"name":"x-ms-webticket","value":"[redacted]"}],` +
		`"params":[{"name":"Password","value":"[redacted]"},{"value":"h"}]}`
	var out bytes.Buffer
	if err := redact.New().Copy(&out, strings.NewReader(in)); err != nil || out.String() != want {
		t.Errorf("%v\n got %s\nwant %s", err, out.String(), want)
	}
	out.Reset()
	if err := redact.New().Copy(&out, strings.NewReader(`{"name":"Authorization","value":"Basic qzxy"}`)); err != nil || strings.Contains(out.String(), "qzxy") {
		t.Errorf("%v %s", err, out.String())
	}
}

// TestElements: a secret is one wherever the lines of its element break, and a word in
// angle brackets that nothing closes hides nothing.
func TestElements(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"<o:Password\n Type=\"x\">geheim</o:Password>\nuser joe@contoso.com", "<o:Password\n Type=\"x\">[redacted]</o:Password>\nuser user-r1@domain-r1.example"},
		{"<o:Password Type=\"x\">\r\n   geheim und\r\nmehr\r\n</o:Password>\r\n", "<o:Password Type=\"x\">\r\n   [redacted]\r\n\r\n</o:Password>\r\n"},
		{"<Password><![CDATA[gehe<im]]></Password>", "<Password><![CDATA[[redacted]]]></Password>"},
		{"<Password><![CDATA[gehe\nim]]></Password>", "<Password><![CDATA[[redacted]\n]]></Password>"},
		{"<Password>\n<![CDATA[geheim]]>\n</Password>", "<Password>\n<![CDATA[[redacted]]]>\n</Password>"},
		{"<DisplayName><![CDATA[Jane Roe]]></DisplayName>", "<DisplayName><![CDATA[name-r1 name-r2]]></DisplayName>"},
		{"&lt;o:Password&gt;geheim&lt;/o:Password&gt; 404", "&lt;o:Password&gt;[redacted]&lt;/o:Password&gt; 404"},
		{`&lt;Password Type="x"&gt;a&amp;b&lt;/Password&gt;`, `&lt;Password Type="x"&gt;[redacted]&lt;/Password&gt;`},
		{"<w:BinarySecurityToken>\nabc\ndef\n</w:BinarySecurityToken>", "<w:BinarySecurityToken>\n[redacted]\n\n</w:BinarySecurityToken>"},
		{"<Password>a</Password><Password>\nb\n</Password><Token>\nc\n</Token>", "<Password>[redacted]</Password><Password>\n[redacted]\n</Password><Token>\n[redacted]\n</Token>"},
		{"enter <password>\nThen 404\nby joe@contoso.com", "enter <password>\nThen 404\nby user-r1@domain-r1.example"},
		{"enter <password>\nThen <b>404</b>\n</password>", "enter <password>\nThen <b>404</b>\n</password>"},
		{"<token>\n<token>\na\n</token>\n</token>", "<token>\n<token>\n[redacted]\n</token>\n</token>"},
		{"<password>\n-----BEGIN RSA KEY-----\nabc\n-----END RSA KEY-----\n", "<password>\n-----BEGIN RSA KEY-----\nredacted\n-----END RSA KEY-----\n"},
		{"<Password>\n true\n</Password>\n<Password nil=\"true\"/>\nx", "<Password>\n true\n</Password>\n<Password nil=\"true\"/>\nx"},
	})
	if got := redact.New().Text("x=hex:\\\n<o:Password\n a=\"b\">geheim</o:Password>\n<Password\n>geheim</Password>"); strings.Contains(got, "geheim") {
		t.Errorf("left in %q", got)
	}
	// What nothing closes is bounded.
	long := "<password>\n" + strings.Repeat("404 Not Found\n", 5000) + "</password>\n"
	if got := redact.New().Text(long); got != long {
		t.Errorf("%d bytes become %d", len(long), len(got))
	}
}

func TestLogins(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"http://joe%40contoso.com:Sommer2024%21@proxy:8080", "http://[redacted]@host-r1:8080"},
		{"http://joe%40contoso.com:Sommer2024!@proxy.contoso.com:8080/x", "http://[redacted]@host-r1.domain-r1.example:8080/x"},
		{"http://joe@contoso.com:Sommer2024!@proxy", "http://[redacted]@host-r1"},
		{"http://34d859db-6585-5f91-a3b4-de853c15347d:pw@p", "http://[redacted]@host-r1"},
		{"http://34d859db65855f91a3b4de853c15347d:pw@p", "http://[redacted]@host-r1"},
		{"http://S-1-5-21-1004336348-1177238915-682003330-512:pw@p", "http://[redacted]@host-r1"},
		{"http://10.1.2.3:pw@10.1.2.3:80", "http://[redacted]@10.213.0.1:80"},
		{"http://:secret@p", "http://[redacted]@host-r1"},
		{"http://joe:@p", "http://[redacted]@host-r1"},
		{`{"u":"http:\/\/joe:pw@p\/x"}`, `{"u":"http:\/\/[redacted]@host-r1\/x"}`},
		{`{"u":"http:\/\/p:80\/a@1"}`, `{"u":"http:\/\/p:80\/a@1"}`},
		{"u=http%3A%2F%2Fjoe%3Apw%40p%3A8080%2Fx", "u=http%3A%2F%2F[redacted]%40host-r1%3A8080%2Fx"},
		{"http%3a//joe:pw@p http:%2F%2Fjoe%3Apw@p", "http%3a//[redacted]@host-r1 http:%2F%2F[redacted]@host-r1"},
		{"u=http%253A%252F%252Fjoe%253Apw%2540p&x=1", "u=http%253A%252F%252F[redacted]%2540host-r1&x=1"},
		{"http://joe:Som,mer2024@p", "http://[redacted]@host-r1"},
		{"http://joe:Som'mer@p http://joe:Som mer@p", "http://[redacted]@host-r1 http://[redacted]@host-r1"},
		{"http://joe:a/b#c?d;e&f@g@p", "http://[redacted]@host-r1"},
		{"server=http://joe:a;b&c,d@p;x", "server=http://[redacted]@host-r1;x"},
		{"host=http://joe:a;b&c,d@p;x", "host=http://[redacted]@host-r1;x"},
		{"http://PROXY:8080 joe@contoso.com", "http://host-r1:8080 user-r1@domain-r1.example"},
		{"http://contoso.com:8080,joe@contoso.com", "http://domain-r1.example:8080,user-r1@domain-r1.example"},
		{"https://sts.contoso.com/adfs?u=joe@contoso.com:x@y", "https://sts.domain-r1.example/adfs?u=user-r1@domain-r1.example:user-r2@domain-r2"},
		{"http://joe@contoso.com:8080/x", "http://user-r1@domain-r1.example:8080/x"},
		{"file://C:/a/b@1 https://[2a02:1::5]:443/x@1", "file://host-r1:/a/b@1 https://[2001:db8::1]:443/x@1"},
		{`http://joe:pw@corp\ann http://joe:pw@p'x@contoso.com`, `http://[redacted]@DOMAIN-R1\user-r1 http://[redacted]@user-r2@domain-r2.example`},
		{"http://[redacted]@p:a b@c", "http://[redacted]@p:a user-r1@domain-r1"},
		{"u=https%3A%2F%2Fcontoso.com%3A443&hint=joe%40contoso.com", "u=https%3A%2F%2Fdomain-r1.example%3A443&hint=user-r1%40domain-r1.example"},
	})
}

func TestProxyLogins(t *testing.T) {
	testHidden(t, []hiddenCase{
		{`"ProxyServer"="joe:Sommer2024!@proxy.contoso.com:8080"`, `"ProxyServer"="[redacted]@host-r1.domain-r1.example:8080"`},
		{"ProxyServer=http=joe:pw@p;https=contoso\\joe:pw@q:80;x=y", "ProxyServer=http=[redacted]@host-r1;https=[redacted]@host-r2:80;x=y"},
		{"ProxyServer=http=p:80;https=joe:pw@q", "ProxyServer=http=p:80;https=[redacted]@host-r1"},
		{"HTTPS_PROXY=joe:p;w@proxy:8080", "HTTPS_PROXY=[redacted]@host-r1:8080"},
		{"    Proxy Server(s) :  joe:pw@proxy:8080\r\n", "    Proxy Server(s) :  [redacted]@host-r1:8080\r\n"},
		{"    Serveur(s) proxy :  joe:pw@p:8080", "    Serveur(s) proxy :  [redacted]@host-r1:8080"},
		{"proxy=http://joe:pw@p", "proxy=http://[redacted]@host-r1"},
		{"proxy = joe@contoso.com:pw@p joe:pw@q", "proxy = [redacted]@host-r1 [redacted]@host-r2"},
		{"    Proxy Server(s) :  p.contoso.com:8080", "    Proxy Server(s) :  host-r1.domain-r1.example:8080"},
		{"proxy: sip:joe@contoso.com", "proxy: sip:user-r1@domain-r1.example"},
		{"proxy: none, user: joe@contoso.com", "proxy: none, user: user-r1@domain-r1.example"},
		{"proxy: x and a:b@contoso.com", "proxy: x and a:user-r1@domain-r1.example"},
		{"Peer: fe01:5061;joe@contoso.com", "Peer: host-r1:5061;user-r1@domain-r1.example"},
	})
	in := map[string]string{"proxy": "joe:pw@p", "ProxyServer": "http=joe:pw@p;https=q:80", "https_proxy": "direct"}
	want := map[string]string{"proxy": "[redacted]@host-r1", "ProxyServer": "http=[redacted]@host-r1;https=q:80", "https_proxy": "direct"}
	if got := redact.New().Value(in); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCommands(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"curl -u joe:geheim https://x.example", "curl -u [redacted] https://domain-r1.example"},
		{"curl --user 'joe:geheim' x", "curl --user '[redacted]' x"},
		{"curl -u \"joe:geheim\"", "curl -u \"[redacted]\""},
		{`net use \\fs1\x /user:contoso\joe geheim /persistent:no`, `net use \\host-r1\x /user:DOMAIN-R1\user-r1 [redacted] /persistent:no`},
		{`net use \\fs1\x /user:contoso\joe`, `net use \\host-r1\x /user:DOMAIN-R1\user-r1`},
		{"cmdkey /add:x /pass:geheim", "cmdkey /add:x /pass:[redacted]"},
		{"sip:joe:geheim@p.example", "sip:[redacted]@domain-r1.example"},
		{"sip:p:5061 joe@contoso.com", "sip:host-r1:5061 user-r1@domain-r1.example"},
		{"Das Kennwort ist: geheim.", "Das Kennwort ist: [redacted]."},
		{"the password is: required", "the password is: required"},
		{"ls -u x, -u http://x", "ls -u x, -u http://host-r1"},
	})
}

// TestLoginIsNotLearnt: a password of letters is not written to the map as a name.
func TestLoginIsNotLearnt(t *testing.T) {
	r := redact.New()
	r.Text("http://joe@contoso.com:Sommerwetter@proxy:8080")
	var m bytes.Buffer
	if err := r.WriteMap(&m); err != nil || strings.Contains(m.String(), "sommerwetter") {
		t.Errorf("%v %s", err, m.String())
	}
}

func TestMediaSecrets(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg", "a=ice-ufrag:[redacted]\r\na=ice-pwd:[redacted]"},
		{"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:[redacted]|2^20|1:32"},
		{"a=candidate:9/tHcy 1 Yp7d3a UDP 0.830 10.1.2.3 50020", "a=candidate:[redacted] 1 [redacted] UDP 0.830 10.213.0.1 50020"},
		{"a=candidate:1 1 UDP 2130706431 10.1.2.3 5060 typ host", "a=candidate:1 1 UDP 2130706431 10.213.0.1 5060 typ host"},
		{"a=candidate:1 1 TCP-PASS 2130706431 10.1.2.3 5060", "a=candidate:1 1 TCP-PASS 2130706431 10.213.0.1 5060"},
		{`Authentication-Info: NTLM rspauth="01000000E615438A", x`, `Authentication-Info: NTLM rspauth="01000000E615438A", x`},
		{`Authorization: Digest username="joe", response="0bf05ca7ed29a0d4cc3e5b6f7a8c9d0e", cnonce="0bf05ca7"`, `Authorization: Digest username="user-r1", response="0bf05ca7ed29a0d4cc3e5b6f7a8c9d0e", cnonce="0bf05ca7"`},
	})
	r := redact.New()
	in := `Digest response="6629fae49393a05397450978507c4ef1", cnonce="0a4f113b", x response="6629fae49393a05397450978507c4ef1"`
	if got := r.Text(in); strings.Contains(got, "6629fae") || strings.Contains(got, "0a4f113b") {
		t.Errorf("left in %q", got)
	}
	if got := r.Text("response=404 response=\"no answer\""); got != "response=404 response=\"no answer\"" {
		t.Errorf("a status becomes %q", got)
	}
}

func TestTelephoneNumbers(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"0049891234567 +49 89 1234567 0049 89 1234567", "009990000001 +9990000001 009990000001"},
		{"089/1234567 089 / 1234567 (089) 1234567 089-1234567 0891234567", "9990000001 9990000001 9990000001 9990000001 9990000001"},
		{"+49.89.1234567 425.555.0199 +1 425 555 0199", "+9990000001 9990000002 +9990000002"},
		{"1-425-555-0199 (425) 555-0199 (425)555-0199", "9990000001 9990000001 9990000001"},
		{"01 23 45 67 89", "9990000001"},
		{"020 7946 0958, 03-1234-5678", "9990000001, 9990000002"},
		{"Tel.: 1234567", "Tel.: 9990000001"},
		{"phone 425 555 0199", "phone 9990000001"},
		{"tel:4258901234;phone-context=x", "tel:9990000001;phone-context=x"},
		{"Telefon: 12345", "Telefon: 9990000001"},
		{"+49 (0)89 1234567 +49 89 1234567", "+9990000001 +9990000001"},
		{"+14258901234 404 Not Found", "+9990000001 404 Not Found"},
		{"+10.1.2.3", "+10.213.0.1"},
	})
	r := redact.New()
	for _, stays := range []string{
		"05/31/2013|09:12:00.000 1A2C:1B30 INFO  :: x", "2013-05-31T09:12:00.000Z", "05-31-2013 09:12", "31.05.2013 09:12:00", "0412.1930::05/31/2013-14:05:07.123.00000001",
		"UCCAPI/15.0.4481.1000", "version 4.0.7577.4446", "15.00.4481.1000", "Content-Length: 0000000312", "CSeq: 1 REGISTER", "id 4258901234", "KB2541980 ms-diagnostics: 4005",
		"0x80ef0194 (404)", "expires=600 1369991520 1369991520123", "0.830 0.25", "epid=0123456789", "port 443/tcp 5061 50000-59999", "1.3.6.1.4.1.311", "0-0-0 00-00",
		"404 404 1003", "01 23 45 67 89 ab cd", "[0123] 0456 0789", "0912-0940", "100.200.3000", "line 12, column 0123",
	} {
		if got := r.Text(stays); got != stays {
			t.Errorf("%q becomes %q", stays, got)
		}
	}
}

// TestTelephoneNumberBeforeWord: a number is one also before a word that begins with
// a digit, which stays.
func TestTelephoneNumberBeforeWord(t *testing.T) {
	for in, want := range map[string]string{
		"call +49 89 1234567 2nd floor": "call +9990000001 2nd floor",
		"Tel.: 12345 4th floor":         "Tel.: 9990000001 4th floor",
		"at +10.100.200.30 4th time":    "at +10.213.0.1 4th time",
	} {
		if got := redact.New().Text(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestEscapes(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"joe%40contoso%2Ecom", "user-r1%40domain-r1.example"},
		{"joe%2540contoso.com", "user-r1%2540domain-r1.example"},
		{"u=joe%252540contoso%25252Ecom&x=1", "u=user-r1%252540domain-r1.example&x=1"},
		{"https%253A%252F%252Fsts%252Econtoso%252Ecom%252Fadfs", "https%253A%252F%252Fsts.domain-r1.example%252Fadfs"},
		{"10%2E1%2E2%2E3", "10.213.0.1"},
		{"%6A%6F%65%40contoso.com", "user-r1%40domain-r1.example"},
		{"100%25 a%2541b 5%2E", "100%25 a%2541b 5%2E"},
		{"sip:joe%40contoso.com@x.contoso.com", "sip:user-r1%40domain-r1.example@host-r1.domain-r1.example"},
	})
}

func TestEncodedWords(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"From: =?utf-8?B?Q2FsdmluIFppbms=?= <sip:calz@contoso.com>", "From: name-r1 name-r2 <sip:user-r1@domain-r1.example>"},
		{"From: \"=?iso-8859-1?Q?J=F6rg_M=FCller?=\" <mailto:j@contoso.com>", "From: \"name-r1 name-r2\" <mailto:user-r1@domain-r1.example>"},
		{"From: \"=?utf-8?Q?J=C3=B6rg?= Zink\" <sip:j@contoso.com>", "From: \"name-r1 name-r2\" <sip:user-r1@domain-r1.example>"},
		{"Subject: =?utf-8?B?am9lQGNvbnRvc28uY29t?=", "Subject: user-r1@domain-r1.example"},
		{"Subject: =?utf-8?B?aGVsbG8gam9lQGNv?= =?utf-8?B?bnRvc28uY29t?=", "Subject: hello user-r1@domain-r1.example"},
		{"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= x=?y", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= x=?y"},
		{"To: =?shift_jis?B?gqA=?= <sip:j@contoso.com>", "To: name-r1 <sip:user-r1@domain-r1.example>"},
	})
}

func TestComputers(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"on DESKTOP-1A2B3C4 and desktop-1a2b3c4", "on host-r1 and host-r1"},
		{"on DESKTOP-ABC123", "on host-r1"},
		{"LAPTOP-12345678 WIN-0A1B2C3D4E5 PC-0815", "host-r1 host-r2 host-r3"},
		{"ZINK-PC", "host-r1"},
		{"desktop-client win-x64 win-arm64 NON-PC pc-relay", "desktop-client win-x64 win-arm64 NON-PC pc-relay"},
		{`workstation="KX77Q" then kx77q and KX77Q$`, `workstation="host-r1" then host-r1 and host-r1$`},
		{"zink@contoso.com on zink-x1, report_zink", "user-r1@domain-r1.example on user-r1-x1, report_user-r1"},
	})
}

func TestExchangeNames(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=zink", "/o=name-r1/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=host-r1"},
		{"cn=Calvin Zink,ou=Sales,dc=corp,dc=contoso,dc=com", "cn=name-r1 name-r2,ou=name-r3,dc=host-r1,dc=domain-r1,dc=example"},
		{"o=- 0 0 IN IP4 10.1.2.3", "o=- 0 0 IN IP4 10.213.0.1"},
	})
	r := redact.New()
	if got := r.Text("IMCEAEX-_O=CONTOSO_OU=EXCHANGE+20ADMINISTRATIVE_CN=RECIPIENTS_CN=zink@contoso.com"); strings.Contains(strings.ToLower(got), "contoso") || strings.Contains(got, "zink") {
		t.Errorf("left in %q", got)
	}
}

// TestNumbersInHexadecimal: the same number has the same pseudonym with dashes,
// blanks, colons and without.
func TestNumbersInHexadecimal(t *testing.T) {
	r := redact.New()
	plain := func(s string) string {
		return strings.NewReplacer("-", "", " ", "", ":", "", "\u200e", "").Replace(s)
	}
	for _, forms := range [][]string{
		{"34d859db-6585-5f91-a3b4-de853c15347d", "34d859db65855f91a3b4de853c15347d"},
		{"a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "a9 4a 8f e5 cc b1 9b a6 1c 4c 08 73 d3 91 e9 87 98 2f bb d3", "a9:4a:8f:e5:cc:b1:9b:a6:1c:4c:08:73:d3:91:e9:87:98:2f:bb:d3",
			"a9-4a-8f-e5-cc-b1-9b-a6-1c-4c-08-73-d3-91-e9-87-98-2f-bb-d3", "\u200ea9 4a 8f e5 cc b1 9b a6 1c 4c 08 73 d3 91 e9 87 98 2f bb d3"},
	} {
		want := r.Text(forms[0])
		if want == forms[0] {
			t.Errorf("%q stays", want)
		}
		for _, form := range forms {
			for _, around := range []string{"", "Thumbprint: "} {
				got := r.Text(around + form)
				if plain(strings.TrimPrefix(got, around)) != plain(want) || len(got) != len(around+form) {
					t.Errorf("%q becomes %q, and %q %q", forms[0], want, around+form, got)
				}
				if again := r.Text(got); again != got {
					t.Errorf("twice: %q becomes %q", got, again)
				}
			}
		}
	}
	id := r.Text("34d859db65855f91a3b4de853c15347d")
	if got := r.Text("Call-ID: 34d859db65855f91a3b4de853c15347d"); got != "Call-ID: "+id {
		t.Errorf("the Call-ID is %q, elsewhere %q", got, id)
	}
	for _, stays := range []string{"12:17:15 09:12:00:01:02", "00-1A-2B", "1A2C:1B30"} {
		if got := r.Text(stays); got != stays {
			t.Errorf("%q becomes %q", stays, got)
		}
	}
}

func TestConferences(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"Conference ID: 1234567", "Conference ID: 9990000001"},
		{"Conference ID: 123 456 789", "Conference ID: 9990000001"},
		{"Konferenz-ID: 1234567", "Konferenz-ID: 9990000001"},
		{"ID de conférence : 1234567", "ID de conférence : 9990000001"},
		{"sip:zink@contoso.com;gruu;opaque=app:conf:focus:id:8RJMDKBF", "sip:user-r1@domain-r1.example;gruu;opaque=app:conf:focus:id:name-r1"},
		{"opaque=app%3Aconf%3Afocus%3Aid%3A8RJMDKBF 8rjmdkbf", "opaque=app%3Aconf%3Afocus%3Aid%3Aname-r1 name-r1"},
		{"https://meet.contoso.com/zink/8RJMDKBF", "https://meet.domain-r1.example/user-r1/name-r1"},
		{"https://meet.lync.com/fabrikam/zink/8RJMDKBF", "https://meet.lync.com/user-r1/user-r2/name-r1"},
		{"https://lync.contoso.com/meet/zink/8RJMDKBF", "https://host-r1.domain-r1.example/meet/user-r1/name-r1"},
		{"https://meet.contoso.com/", "https://meet.domain-r1.example/"},
		{"ms-id: 12345678 event id: 4005", "ms-id: 12345678 event id: 4005"},
	})
}

func TestReverseNames(t *testing.T) {
	testHidden(t, []hiddenCase{
		{"10.1.2.3 3.2.1.10.in-addr.arpa.", "10.213.0.1 1.0.213.10.in-addr.arpa."},
		{"2.1.10.in-addr.arpa 100.51.198.in-addr.arpa 10.in-addr.arpa", "0.213.10.in-addr.arpa 0.18.198.in-addr.arpa 10.in-addr.arpa"},
		{"0-25.2.1.10.in-addr.arpa", "host-r1.0.213.10.in-addr.arpa"},
		{"1.0.0.127.in-addr.arpa in-addr.arpa", "1.0.0.127.in-addr.arpa in-addr.arpa"},
		{"2a02::5 5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.a.2.ip6.arpa", "2001:db8::1 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
	})
}

// TestOrdinaryNames: a name that is a word of everyday language is replaced where it
// stands as a name, and nowhere else.
func TestOrdinaryNames(t *testing.T) {
	name := `From: "Will Price"<sip:wp@contoso.com> `
	for in, want := range map[string]string{
		"the price will be right":               "the price will be right",
		"Will Price cannot sign in":             "name-r1 name-r2 cannot sign in",
		"Price, Will":                           "name-r2, name-r1",
		"Mr Price and Mrs. Price":               "Mr name-r2 and Mrs. name-r2",
		"user Will; Price: 5; Will it work?":    "user name-r1; Price: 5; Will it work?",
		"displayName: Will Price":               "displayName: name-r1 name-r2",
		"will.price@contoso.com, price":         "user-r2@domain-r1.example, price",
		"Will 5 Price Windows Price in Windows": "Will 5 Price Windows Price in Windows",
	} {
		r := redact.New()
		r.Text(name)
		got := r.Text(in)
		if got != want {
			t.Errorf("Text(%q)\n got %q\nwant %q", in, got, want)
		}
		if again := r.Text(got); again != got {
			t.Errorf("twice: %q becomes %q", got, again)
		}
	}
	for _, word := range []string{"Reception", "marketing", "Kitchen", "Besprechung", "Empfang", "accueil"} {
		r := redact.New()
		if got := r.Text(`From: "` + word + ` Xyzzy"<sip:a@contoso.com>` + "\n" + word); strings.HasSuffix(got, word) == false {
			t.Errorf("%q becomes %q", word, got)
		}
	}
}

func TestFields(t *testing.T) {
	r := redact.New()
	in := map[string]string{"candidate": "pool ok", "response": "no answer", "pin": "1234", "mobilePhone": "0151 2345678", "DefaultPassword": "a b"}
	want := map[string]string{"candidate": "pool ok", "response": "no answer", "pin": "[redacted]", "mobilePhone": "9990000001", "DefaultPassword": "[redacted]"}
	if got := r.Value(in); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

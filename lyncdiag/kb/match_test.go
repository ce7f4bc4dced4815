package kb

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func codes(matches []Match) string {
	var out []string
	for _, m := range matches {
		out = append(out, strings.TrimPrefix(m.Message.Code, "kb2541980-message-")+" "+strconv.FormatFloat(m.Score, 'f', 2, 64))
	}
	return strings.Join(out, ", ")
}

func TestMatchArticleRows(t *testing.T) {
	typographic := strings.NewReplacer("'", "\u2019", "\u2019", "'")
	variations := []struct {
		name string
		make func(string) string
	}{
		{"as printed", func(s string) string { return s }},
		{"other quotation marks", func(s string) string { return "\u201c" + typographic.Replace(s) + "\u201d" }},
		{"upper case", strings.ToUpper},
		{"lower case", strings.ToLower},
		{"without please", strings.NewReplacer("Please verify", "Verify", "please contact", "contact", "Please contact", "Contact").Replace},
		{"username", strings.NewReplacer("user name", "username", "username", "user name").Replace},
		{"sign into", strings.NewReplacer("sign in to", "sign into").Replace},
		{"cannot", strings.NewReplacer("Cannot", "Can\u2019t", "cannot", "can't").Replace},
		{"another domain", strings.NewReplacer("contoso.com", "mail.fabrikam.co.uk").Replace},
		{"a domain of known words", strings.NewReplacer("contoso.com", "server.support").Replace},
		{"line breaks", strings.NewReplacer(" ", "\r\n").Replace},
		{"no-break spaces", strings.NewReplacer(" ", "\u00a0").Replace},
		{"no space after the full stop", strings.NewReplacer(". ", ".").Replace},
		{"words around", func(s string) string {
			return "Since Monday our colleague in Leeds sees this on his laptop: \"" + s + "\" Could you have a look today? Thanks, Joe"
		}},
		{"as a ticket", func(s string) string {
			return "Subject: sign-in\nUser: joe@contoso.com\nLync 2013 15.0.4420.1017\n\n> " + s + "\n\nRestarted twice, no change."
		}},
		{"all at once", func(s string) string {
			s = strings.NewReplacer("contoso.com", "fabrikam.com", "user name", "username", "Please verify", "Verify", "'", "\u2019").Replace(s)
			return "he gets \u201c" + strings.ToUpper(s) + "\u201d since this morning"
		}},
		{"a letter lost", strings.NewReplacer("temporarily", "temporarly", "configuration", "configuraton", "address", "adress", "certificate", "certifcate", "software", "sofware", "responding", "respondng").Replace},
	}
	for _, m := range articleMessages() {
		for _, v := range variations {
			got := MatchMessage(v.make(m.Text))
			if len(got) == 0 || got[0].Message.Code != m.Code {
				t.Errorf("%s, %s: %s", m.Code, v.name, codes(got))
			}
		}
		if got := MatchMessage(m.Text); got[0].Score < 0.99 {
			t.Errorf("%s: its own text scores %v", m.Code, got[0].Score)
		}
	}
}

func TestMatchFragments(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"server is temporarily unavailable", "kb2541980-message-1"},
		{"the server is temporarily unavailable", "kb2541980-message-1"},
		{"Lync says the server is temporarily unavailable since today", "kb2541980-message-1"},
		{"couldn't find a Lync Server for fabrikam.com", "kb2541980-message-2"},
		{"There might be an issue with the Domain Name System (DNS) configuration for your domain", "kb2541980-message-2"},
		{"sign-in address was not found", "kb2541980-message-3"},
		{"Cannot sign in to Lync because this sign-in address was not found", "kb2541980-message-3"},
		{"authentication service may be incompatible with this version of the program", "kb2541980-message-4"},
		{"You may have entered your sign-in address, user name, or password incorrectly", "kb2541980-message-4"},
		{"additional software is required", "kb2541980-message-5"},
		{"Download and install now?", "kb2541980-message-5"},
		{"username, password or domain appears to be incorrect", "kb2541980-message-6"},
		{"The user name, password, or domain appears to be incorrect.", "kb2541980-message-6"},
		{"The server is not responding or cannot be reached", "kb2541980-message-7"},
		{"server is not responding", "kb2541980-message-7"},
		{"acquiring a personal certificate", "kb2541980-message-8"},
		{"problem acquiring a personal certificate required to sign in", "kb2541980-message-8"},
		{"problem verifying the certificate from the server", "kb2541980-message-9"},
	} {
		got := MatchMessage(test.text)
		if len(got) == 0 || got[0].Message.Code != test.want {
			t.Errorf("%q: %s, want %s", test.text, codes(got), test.want)
		}
	}
}

// Rows 4 and 6 both speak of user name and password; one is the client's
// version and the other the password.
func TestRowsFourAndSixAreNotConfused(t *testing.T) {
	rows := articleMessages()
	for _, pair := range [][2]int{{3, 5}, {5, 3}} {
		right, wrong := rows[pair[0]], rows[pair[1]]
		for _, m := range MatchMessage(right.Text) {
			if m.Message.Code == wrong.Code {
				t.Errorf("%s is found for the text of %s, with %.2f", wrong.Code, right.Code, m.Score)
			}
		}
	}
}

// Later wordings find themselves, unless a row of the article says the same:
// then the row comes first and the wording follows.
func TestMatchLaterWordings(t *testing.T) {
	rowFirst := map[string]string{
		"message-11": "kb2541980-message-2",
		"message-12": "kb2541980-message-4",
		"message-14": "kb2541980-message-6",
		"message-16": "kb2541980-message-3",
		"message-17": "kb2541980-message-3",
		"message-18": "kb2541980-message-6",
		"message-19": "kb2541980-message-9",
		"message-21": "kb2541980-message-5",
		"message-39": "kb2541980-message-4",
		"message-63": "kb2541980-message-3",
		"message-64": "kb2541980-message-1",
	}
	for _, m := range laterMessages() {
		got := MatchMessage(m.Text)
		want := rowFirst[m.Code]
		if want == "" {
			want = m.Code
		}
		if len(got) == 0 || got[0].Message.Code != want {
			t.Errorf("%s %q: %s, want %s first", m.Code, m.Text, codes(got), want)
		}
		found := false
		for _, g := range got {
			found = found || g.Message.Code == m.Code || g.Message.Text == m.Text
		}
		if !found {
			t.Errorf("%s %q: not found: %s", m.Code, m.Text, codes(got))
		}
	}
}

func TestMatchNothing(t *testing.T) {
	for _, text := range []string{
		"",
		" \n\t",
		"?!",
		"@@@",
		"contoso.com",
		"joe@contoso.com",
		"Please contact your support team.",
		"If the problem continues, please contact your support team.",
		"The printer on the second floor is out of paper.",
		"My mailbox is full and I cannot send mail.",
		"Excel could not open the file because the format is not valid.",
		"How do I change the picture in my profile?",
		"The meeting room is booked from ten to twelve.",
		"The quick brown fox jumps over the lazy dog.",
		"I forgot my password for the payroll system.",
		"Can you install the new version of the accounting program on my computer?",
		"The web site of our supplier is slow today.",
		"Where do I find the holiday calendar?",
		"An error occurred while printing the document.",
		"The certificate of attendance was sent to the participants.",
		"Please verify the invoice address and try again next week.",
		"The phone rings but nobody answers.",
		"Our server room is too warm.",
		"The new user needs a desk, a phone and a computer.",
		"There was a problem with the delivery.",
		"Windows could not start because of a disk hardware configuration problem.",
		"The connection to the database was lost.",
		"Sound does not work in the video conference.",
		"You have entered the wrong amount.",
		"Outlook asks for the password again and again.",
		"The name of the domain is contoso.com and it was registered in 2009.",
		"server",
		"certificate",
		"sign in",
		"Please enter a personal message for the card.",
		"The service desk is closed on public holidays.",
		"The lift is temporarily out of service.",
		"The printer is temporarily unavailable.",
		"The page was not found.",
		"I cannot connect to the VPN server.",
		"It is required to wear a badge in the building.",
		"Der Drucker ist leer.",
		"\xff\xfe\x00",
	} {
		if got := MatchMessage(text); len(got) != 0 {
			t.Errorf("%q: %s, want nothing", text, codes(got))
		}
	}
}

func TestMatchIsBounded(t *testing.T) {
	row := articleMessages()[6]
	if got := MatchMessage(row.Text + strings.Repeat(" configurotion", 1<<18)); len(got) == 0 || got[0].Message.Code != row.Code {
		t.Errorf("before a long text: %s", codes(got))
	}
	if got := MatchMessage(strings.Repeat("x ", maxMatchText) + row.Text); len(got) != 0 {
		t.Errorf("beyond the limit: %s", codes(got))
	}
}

func TestMessagesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for i, m := range Messages() {
		if seen[m.Code] || m.Code == "" {
			t.Errorf("code %q twice or empty", m.Code)
		}
		seen[m.Code] = true
		if m.Text == "" || m.Cause == "" || m.Type == "" || len(m.Resolution) == 0 || m.Source.Section == "" {
			t.Errorf("%s: something is missing: %+v", m.Code, m)
		}
		if (i < 9) != (m.Section != "") || (i < 9) != (m.Source.KB == "KB2541980") {
			t.Errorf("%s: section %q, source %+v", m.Code, m.Section, m.Source)
		}
		if i >= 9 && m.Code != "message-"+strconv.Itoa(i+1) {
			t.Errorf("message %d has code %q", i+1, m.Code)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"0x80ef0191", ""},
		{"contoso.com", ""},
		{"The server is not responding or cannot be reached.", ""},
		{"El", ""},
		{"Die Anmeldung ist nicht m\u00f6glich, da der Server vor\u00fcbergehend nicht verf\u00fcgbar ist.", "de"},
		{"Bei der Anmeldung bei Lync ist ein Fehler aufgetreten. Wenden Sie sich an das Supportteam.", "de"},
		{"Impossible de se connecter, car le serveur est temporairement indisponible.", "fr"},
		{"Lync n\u2019a pas pu trouver un serveur pour votre domaine.", "fr"},
		{"No se puede iniciar sesi\u00f3n porque el servidor no est\u00e1 disponible temporalmente.", "es"},
		{"N\u00e3o \u00e9 poss\u00edvel entrar porque o servidor est\u00e1 temporariamente indispon\u00edvel.", "pt"},
		{"Impossibile accedere. Il server non \u00e8 al momento disponibile.", "it"},
		{"Lync \u306b\u30b5\u30a4\u30f3\u30a4\u30f3\u3067\u304d\u307e\u305b\u3093\u3002", "ja"},
		{"\u65e0\u6cd5\u767b\u5f55\uff0c\u56e0\u4e3a\u670d\u52a1\u5668\u6682\u65f6\u4e0d\u53ef\u7528\u3002", "zh"},
		{"\u041d\u0435 \u0443\u0434\u0430\u0435\u0442\u0441\u044f \u0432\u043e\u0439\u0442\u0438 \u0432 Lync.", "ru"},
		{"\u041d\u0435 \u0432\u0434\u0430\u043b\u043e\u0441\u044f \u0443\u0432\u0456\u0439\u0442\u0438 \u0434\u043e Lync.", ""},
		{"De server is tijdelijk niet beschikbaar.", ""},
	} {
		if got := Language(test.text); got != test.want {
			t.Errorf("Language(%q) = %q, want %q", test.text, got, test.want)
		}
	}
	for _, m := range Messages() {
		if got := Language(m.Text); got != "" {
			t.Errorf("%s is taken for %q", m.Code, got)
		}
	}
}

// FuzzMatchMessage: whatever follows a row of the article, the row is found,
// with a score of its own text's full share; scores are in order and within
// bounds.
func FuzzMatchMessage(f *testing.F) {
	f.Add(0, "")
	f.Add(1, "since Monday")
	f.Add(8, "The server is not responding or cannot be reached. Sign-in may be delayed while we retry the connection.")
	f.Add(3, "\u2019\xff<user>@.-_name n't")
	rows := articleMessages()
	f.Fuzz(func(t *testing.T, n int, suffix string) {
		row := rows[(n%len(rows)+len(rows))%len(rows)]
		for _, text := range []string{suffix, row.Text + " " + suffix} {
			last := 1.0
			for _, m := range MatchMessage(text) {
				if m.Score <= 0 || m.Score > last+1e-9 {
					t.Fatalf("%q: score %v after %v", text, m.Score, last)
				}
				last = m.Score
			}
		}
		found := 0.0
		for _, m := range MatchMessage(row.Text + " " + suffix) {
			if m.Message.Code == row.Code {
				found = m.Score
			}
		}
		if found < 0.7-1e-9 {
			t.Fatalf("%s with suffix %q scores %v", row.Code, suffix, found)
		}
		if l := Language(suffix); !utf8.ValidString(l) || len(l) > 2 {
			t.Fatalf("language %q", l)
		}
	})
}

func BenchmarkMatchMessage(b *testing.B) {
	text := "My boss gets this: " + articleMessages()[3].Text
	for b.Loop() {
		MatchMessage(text)
	}
}

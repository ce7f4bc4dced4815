package kb

import (
	"strings"
	"unicode"
)

// Language recognises the language of a text that is not English, for which
// there is no message table: "de", "fr", "es", "pt", "it", "ja", "zh" or "ru".
// It is "" for English, and whenever it is unsure.
func Language(text string) string {
	if len(text) > maxMatchText {
		text = text[:maxMatchText]
	}
	var letters, han, kana, russian int
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		switch {
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			kana++
		case unicode.Is(unicode.Han, r):
			han++
		case strings.ContainsRune("\u0456\u0457\u0454\u0491\u045e\u0458\u0459\u045a\u045b\u045f", unicode.ToLower(r)):
			// Letters of Ukrainian, Belarusian and Serbian, not of Russian.
			return ""
		case unicode.Is(unicode.Cyrillic, r):
			russian++
		}
	}
	// Product names stay Latin, so a script needs no majority.
	switch {
	case letters < 4:
		return ""
	case kana > 0 && 3*(kana+han) >= letters:
		return "ja"
	case 3*han >= letters:
		return "zh"
	case 3*russian >= letters && hasRussianWord(text):
		return "ru"
	}
	return latinLanguage(text)
}

// hasRussianWord tells Russian from other languages of its script, such as
// Bulgarian, by words those do not have.
func hasRussianWord(text string) bool {
	const common = " \u043d\u0435 \u0438 \u0432 \u0432\u043e \u0447\u0442\u043e \u043d\u0430 \u0441 \u043a \u0438\u043b\u0438 \u0435\u0441\u043b\u0438 \u044d\u0442\u043e \u0434\u043b\u044f \u043f\u0440\u0438 "
	const bulgarian = " \u0435 \u0441\u0430 \u0437\u0430 \u0434\u0430 \u0441\u0435 \u043e\u0442 \u0432\u044a\u0432 "
	yes, no := 0, 0
	for _, w := range languageWords(text) {
		if strings.Contains(common, " "+w+" ") {
			yes++
		}
		if strings.Contains(bulgarian, " "+w+" ") {
			no++
		}
	}
	return yes > no
}

// latinLanguage counts common words. A language is named only if at least two
// of its words are there and no other language has as many.
func latinLanguage(text string) string {
	languages := []struct{ code, words string }{
		{"", "the is not to your and of in was with cannot can if please you this that for are be or by server problem contact support"},
		{"de", "der die das den dem des und nicht ist sind ein eine einer sie ihre ihr ihrer mit auf f\u00fcr wird wurde werden bei zu zur zum kann k\u00f6nnen konnte bitte oder dass von beim im es wenden anmelden anmeldung"},
		{"fr", "le la les un une des du est pas vous votre pour dans avec sur ne que et au aux nous ce cette \u00eatre impossible veuillez ou si connexion serveur connecter"},
		{"es", "el la los las un una es no se su para con del por que en al sesi\u00f3n servidor p\u00f3ngase int\u00e9ntelo puede si est\u00e1 y o pudo iniciar"},
		{"pt", "o a os as um uma n\u00e3o \u00e9 se seu sua para com do da ao por que em voc\u00ea servidor entrar entre est\u00e1 e ou foi poss\u00edvel"},
		{"it", "il lo la i gli le un una non \u00e8 si per con del della di che al alla e o se server accesso impossibile contattare sono stato"},
	}
	count := make([]int, len(languages))
	distinct := make([]map[string]bool, len(languages))
	for i := range distinct {
		distinct[i] = map[string]bool{}
	}
	for _, w := range languageWords(text) {
		for i, l := range languages {
			if strings.Contains(" "+l.words+" ", " "+w+" ") {
				count[i]++
				distinct[i][w] = true
			}
		}
	}
	best, second := 0, -1
	for i := 1; i < len(count); i++ {
		if count[i] > count[best] {
			best = i
		}
	}
	for i, n := range count {
		if i != best {
			second = max(second, n)
		}
	}
	if count[best] == second || len(distinct[best]) < 2 {
		return ""
	}
	return languages[best].code
}

func languageWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
}

package sip

import "strings"

// products are the words that Microsoft's servers begin their Server header with. 3.0 to 4.0 are of [MS-SIPREGE]
// section 2.2.1.9; the later ones are what public traces of these products hold, and no document lists them.
var products = []struct{ word, name string }{
	{"RTC/3.0", "Office Communications Server 2007"},
	{"RTC/3.5", "Office Communications Server 2007 R2"},
	{"RTC/4.0", "Lync Server 2010"},
	{"RTC/5.0", "Lync Server 2013"},
	{"RTC/6.0", "Skype for Business Server 2015"},
	{"RTC/7.0", "Skype for Business Server 2019 or Skype for Business Online"},
}

// Product names the generation of server behind a Server header, "" for one that is not known. The service changed
// generations without a word, and any server may send any header.
func Product(serverHeader string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(serverHeader), " ")
	for _, p := range products {
		if strings.EqualFold(word, p.word) {
			return p.name
		}
	}
	return ""
}

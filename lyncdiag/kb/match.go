package kb

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode"
)

// Match is a message that a text may be, or may be a part of.
type Match struct {
	Message Message
	Score   float64 // above 0, at most 1, which is the whole message and nothing else
}

// What counts as a match. The numbers were set by the tests: every row of the
// table is found from its sentences, and sentences about other things are not.
const (
	// maxMatchText bounds the work; a dialog has some hundred characters.
	maxMatchText = 32 << 10
	// minFound is the share of the message, by weight, to be found in the text.
	minFound = 0.55
	// minFragment is the share of the text to be found in the message where
	// that is less of the message.
	minFragment = 0.75
	// minWeight keeps out what is common to many messages: about two words that
	// are rare among them.
	minWeight = 5.3
	// shortWeight is a message or sentence of so few rare words that more words around it
	// make another one ("An error occurred."); shortShare of a message must be
	// found, and be as much of the text.
	shortWeight = 10
	shortShare  = 0.8
	// sentenceShare is what a whole sentence of a message counts for, against
	// 1 for the whole message.
	sentenceShare = 0.9
	// gapCost is the part of its weight that a skipped word takes away.
	gapCost = 0.4
	// wordWeight is that of a word no message has, stopWeight that of an
	// article or preposition.
	wordWeight = 2
	stopWeight = 0.25
)

// MatchMessage finds the messages that text may be: the best first, none if
// the text is about something else. The text may be a fragment, may have other
// words around it, and may differ in quotation marks, case, white space,
// domain and spelling as the clients' versions do. A row of the article ranks
// before later wordings whenever its own text matches. Only the first 32 KiB of
// text are read.
func MatchMessage(text string) []Match {
	if len(text) > maxMatchText {
		text = text[:maxMatchText]
	}
	messages := Messages()
	vocabulary, parts := index(messages)
	query := vocabulary.correct(words(text, vocabulary))
	if len(query) == 0 {
		return nil
	}
	queryWeight := vocabulary.total(query)

	var matches []Match
	var rows []rowMatch
	for i, m := range messages {
		whole := parts[i][0]
		weight := vocabulary.total(whole)
		found := vocabulary.align(query, whole)
		inMessage := min(found/queryWeight, 1)
		inText := found / weight
		full := max(inText, inMessage) >= minFragment
		if weight < shortWeight {
			if min(inText, inMessage) < shortShare {
				continue
			}
		} else {
			for _, sentence := range parts[i][1:] {
				s := vocabulary.align(query, sentence)
				share := s / vocabulary.total(sentence)
				full = full || share > 0.95
				inText, found = max(inText, sentenceShare*share), max(found, s)
			}
			if found < minWeight || inText < minFound && inMessage < minFragment {
				continue
			}
		}
		score := max(inText, inMessage) * (0.7 + 0.3*min(inText, inMessage))
		if m.Section != "" {
			rows = append(rows, rowMatch{score, found, full})
		} else {
			score = afterRows(score, found, rows)
		}
		matches = append(matches, Match{Message: m, Score: score})
	}
	// Stable, so that equal scores keep the article's order.
	sort.SliceStable(matches, func(i, j int) bool { return cmp.Compare(matches[j].Score, matches[i].Score) < 0 })
	return matches
}

// rowMatch is how well a row of the article matched: its score, the weight of
// the words found, and whether it is the text's main part, or a sentence of it
// was found whole.
type rowMatch struct {
	score, found float64
	full         bool
}

// afterRows lowers the score of a later wording below that of the best row
// that matches fully, or that explains as much of the text. Messages are
// matched in order, so the rows come first.
func afterRows(score, found float64, rows []rowMatch) float64 {
	limit := 0.0
	for _, r := range rows {
		if r.full || r.found >= 0.85*found {
			limit = max(limit, r.score)
		}
	}
	if limit == 0 {
		return score
	}
	return min(score, 0.98*limit)
}

// lexicon holds the words of all messages with their weights.
type lexicon struct {
	weight map[string]float64
	sorted []string
}

// index splits every message into the whole and those of its sentences that
// say enough to be recognised alone, and weighs the words by rarity.
func index(messages []Message) (*lexicon, [][][]string) {
	count := map[string]int{}
	parts := make([][][]string, len(messages))
	for i, m := range messages {
		whole := words(m.Text, nil)
		parts[i] = [][]string{whole}
		seen := map[string]bool{}
		for _, w := range whole {
			if !seen[w] {
				seen[w] = true
				count[w]++
			}
		}
	}
	v := &lexicon{weight: make(map[string]float64, len(count))}
	for w, n := range count {
		v.weight[w] = math.Log(1 + float64(len(messages))/float64(n))
		v.sorted = append(v.sorted, w)
	}
	for _, w := range strings.Fields(stopWords) {
		v.weight[w] = stopWeight
	}
	slices.Sort(v.sorted)
	for i, m := range messages {
		for _, s := range sentences(m.Text) {
			if ws := words(s, nil); len(ws) < len(parts[i][0]) && v.total(ws) >= shortWeight {
				parts[i] = append(parts[i], ws)
			}
		}
	}
	return v, parts
}

// stopWords say nothing: articles and the like, what nearly every message ends
// with ("If the problem continues, please contact your support team"), and how
// people report it.
const stopWords = "a an and are as at be been by can do for from has have i if in is it may my not of on or our sign that the this to was we were will with you your " +
	"again contact continues support team try " +
	"after but get gets got he her his me says she since shows so still today when"

// sentences splits at full stops, question marks and colons before a space.
func sentences(text string) []string {
	var out []string
	start := 0
	for i := 0; i+1 < len(text); i++ {
		if strings.IndexByte(".?:", text[i]) >= 0 && text[i+1] == ' ' {
			out = append(out, text[start:i+1])
			start = i + 2
		}
	}
	return append(out, text[start:])
}

func (v *lexicon) of(word string) float64 {
	if w, ok := v.weight[word]; ok {
		return w
	}
	return wordWeight
}

func (v *lexicon) total(ws []string) float64 {
	sum := 0.0
	for _, w := range ws {
		sum += v.of(w)
	}
	return sum
}

// correct replaces a word that no message has by the one that differs from it
// in a single letter, for texts typed from a screen.
func (v *lexicon) correct(ws []string) []string {
	known := map[string]string{}
	for i, w := range ws {
		if _, ok := v.weight[w]; ok || len(w) < 6 || len(w) > 32 {
			continue
		}
		near, ok := known[w]
		if !ok {
			near = w
			for _, c := range v.sorted {
				if len(c) >= 6 && c[0] == w[0] && max(len(c)-len(w), len(w)-len(c)) <= 1 && editDistance(w, c) == 1 {
					near = c
					break
				}
			}
			known[w] = near
		}
		ws[i] = near
	}
	return ws
}

// align is the weight of the words that message and text have in common in the
// same order, within the stretch of the text where that is most, less a part of
// the weight of what has to be skipped there (a local alignment). So words
// around the stretch cost nothing, and words scattered over a long text do not
// add up.
func (v *lexicon) align(text, message []string) float64 {
	best := 0.0
	above := make([]float64, len(message)+1)
	row := make([]float64, len(message)+1)
	weights := make([]float64, len(message))
	for j, w := range message {
		weights[j] = v.of(w)
	}
	for _, t := range text {
		// A long foreign word must not cost more than one of ours.
		skip := gapCost * min(v.of(t), wordWeight)
		for j, w := range message {
			s := max(0, above[j+1]-skip, row[j]-gapCost*weights[j])
			if t == w {
				s = max(s, above[j]+weights[j])
			}
			row[j+1] = s
			best = max(best, s)
		}
		above, row = row, above
	}
	return best
}

// words splits a text into the words that messages are compared by. Domains,
// addresses and placeholders are left out, as they differ from case to case,
// and so is "please", which versions of a message have or have not. With a
// lexicon, "unavailable.If" is two words and no domain.
func words(text string, v *lexicon) []string {
	text = strings.Map(fold, text)
	text = strings.NewReplacer("<user>", " ", "<fqdn>", " ", "<guid>", " ", "<error code>", " ", "<domain>", " ").Replace(text)
	inWord := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("'.@-_", r)
	}
	var out []string
	for _, chunk := range strings.FieldsFunc(text, func(r rune) bool { return !inWord(r) }) {
		chunk = strings.Trim(chunk, "'.@-_")
		if chunk == "" || strings.Contains(chunk, "@") || isHost(chunk, v) {
			continue
		}
		for _, w := range strings.FieldsFunc(chunk, func(r rune) bool { return r == '.' || r == '-' }) {
			out = appendWord(out, strings.Trim(w, "'_"))
		}
	}
	return out
}

// fold lowers case, unifies quotation marks and drops what cannot be seen.
func fold(r rune) rune {
	switch r {
	case '\u2018', '\u2019', '\u201b', '\u02bc', '\uff07', '\u0060', '\u00b4':
		return '\''
	case '\u2010', '\u2011':
		return '-'
	case '\u00ad', '\u200b', '\u200c', '\u200d', '\ufeff':
		return -1
	}
	return unicode.ToLower(r)
}

// isHost says whether a chunk is a host name: labels with a dot between them,
// the last one of letters.
func isHost(chunk string, v *lexicon) bool {
	labels := strings.Split(chunk, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || len(last) < 2 || strings.ContainsFunc(last, func(r rune) bool { return !unicode.IsLetter(r) }) {
		return false
	}
	if v == nil {
		return true
	}
	for _, l := range labels {
		for w := range strings.SplitSeq(l, "-") {
			if _, ok := v.weight[w]; !ok {
				return true
			}
		}
	}
	return false
}

// appendWord adds a word in the one spelling that stands for all of its forms.
func appendWord(out []string, w string) []string {
	switch w {
	case "", "please":
		return out
	case "cannot", "can't", "cant":
		return append(out, "can", "not")
	case "into":
		return append(out, "in", "to")
	case "signin":
		return append(out, "sign", "in")
	case "couldnt", "doesnt", "didnt", "isnt", "wasnt":
		return append(out, strings.TrimSuffix(w, "nt"), "not")
	case "name":
		if len(out) > 0 && out[len(out)-1] == "user" {
			out[len(out)-1] = "username"
			return out
		}
	}
	if stem, ok := strings.CutSuffix(w, "n't"); ok && stem != "" {
		return append(out, stem, "not")
	}
	return append(out, strings.ReplaceAll(w, "'", ""))
}

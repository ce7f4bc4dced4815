package kb

import (
	"sort"
	"strings"
)

// Nearest returns the names that may have been meant by word, the nearest
// first; nil if none is near. Case does not count, and blanks and underscores
// count as hyphens. A quarter of a name's letters may be wrong, one at least.
func Nearest(word string, among []string) []string {
	// Nobody mistypes a name by this much, and the distance takes time in
	// proportion to the length.
	if len(word) > 64 {
		return nil
	}
	typed := strings.ToLower(strings.NewReplacer("_", "-", " ", "-").Replace(word))
	distances := map[string]int{}
	var near []string
	for _, name := range among {
		d := editDistance(typed, strings.ToLower(name))
		if d <= max(1, len(name)/4) && d < len(name) {
			distances[name] = d
			near = append(near, name)
		}
	}
	sort.SliceStable(near, func(i, j int) bool { return distances[near[i]] < distances[near[j]] })
	return near
}

// editDistance counts the letters to insert, delete, replace or swap with a
// neighbour that turn a into b.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}

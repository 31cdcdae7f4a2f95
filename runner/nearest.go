package runner

import (
	"cmp"
	"slices"
	"strings"
)

// mostSuggestions is how many names are offered for one that is unknown.
const mostSuggestions = 3

// nearest returns the names that an unknown one may have meant, the nearest first: those that it is a part of, and those
// from which at most a third of it differs.
func nearest(name string, known []string) []string {
	type candidate struct {
		name  string
		edits int
	}
	name = strings.ToLower(name)
	var candidates []candidate
	for _, k := range known {
		folded := strings.ToLower(k)
		edits := edits(name, folded)
		if edits <= max(len(name)/3, 1) || name != "" && strings.Contains(folded, name) {
			candidates = append(candidates, candidate{k, edits})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.edits, b.edits) })
	var names []string
	for _, c := range candidates[:min(len(candidates), mostSuggestions)] {
		names = append(names, c.name)
	}
	return names
}

// edits counts the insertions, deletions and replacements of bytes that turn a into b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

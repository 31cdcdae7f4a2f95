// Package suggest finds the names that an unknown one may have meant.
package suggest

import (
	"cmp"
	"slices"
	"strings"
)

// maxNames is how many names are offered for one that is unknown.
const maxNames = 3

// One returns the one of known that name most probably was meant to be; "" if none is near: if more than a third of it differs.
func One(name string, known []string) string {
	closest, least := "", allowed(name)+1
	for _, k := range known {
		if d := distance(folded(name), folded(k)); d < least {
			closest, least = k, d
		}
	}
	return closest
}

// Names returns at most three of known that name may have meant, the nearest first: those from which at most a third of it
// differs, and those that it is a part of.
func Names(name string, known []string) []string {
	type candidate struct {
		name  string
		edits int
	}
	part := strings.ToLower(name)
	var candidates []candidate
	for _, k := range known {
		edits := distance(folded(name), folded(k))
		if edits <= allowed(name) || part != "" && strings.Contains(strings.ToLower(k), part) {
			candidates = append(candidates, candidate{k, edits})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.edits, b.edits) })
	var names []string
	for _, c := range candidates[:min(len(candidates), maxNames)] {
		names = append(names, c.name)
	}
	return names
}

func folded(name string) []rune { return []rune(strings.ToLower(name)) }

func allowed(name string) int { return max(len(name)/3, 1) }

// distance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b.
func distance(a, b []rune) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			replace := above[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, replace)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	outVariable = "OUT"
	outDefault  = "out"
)

// describeResults says where the results are and what they hold.
func describeResults(w io.Writer, variable func(string) string) {
	folder := cmp.Or(variable(outVariable), outDefault)
	for _, result := range []struct{ file, what, by string }{
		{"tickets.jsonl", "tickets", "severity"},
		{"dead-letters.jsonl", "dead letters", "category"},
	} {
		path, note := filepath.Join(folder, result.file), ""
		if _, err := os.Stat(path + ".partial"); err == nil {
			path, note = path+".partial", "; not finished, the next run goes on with it"
		}
		found, err := count(path, result.by)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a configuration of the user's own writes elsewhere
		case err != nil:
			_, _ = fmt.Fprintf(w, "%s: %v\n", path, err)
		default:
			_, _ = fmt.Fprintf(w, "%s: %s%s\n", path, found.describe(result.what), note)
		}
	}
}

// contents are the records of a result.
type contents struct {
	kinds   map[string]int // how many there are of each kind, each id once
	repeats int            // how many are there again
}

// count reads a file of JSON lines that have an id. What they have under the key by is their kind. It keeps the ids in
// memory.
func count(path, by string) (contents, error) {
	found := contents{kinds: map[string]int{}}
	file, err := os.Open(path) //nolint:gosec // the user says where results go
	if err != nil {
		return found, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	seen := map[string]bool{}
	for records := json.NewDecoder(file); ; {
		var record map[string]any
		if err := records.Decode(&record); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return found, fmt.Errorf("it is damaged: %w", err)
		}
		id := fmt.Sprint(record["id"])
		if seen[id] {
			found.repeats++
			continue
		}
		seen[id] = true
		found.kinds[fmt.Sprint(record[by])]++
	}
}

// describe is "538 tickets: 318 critical, 220 major".
func (c contents) describe(what string) string {
	var total int
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		total += c.kinds[kind]
		kinds = append(kinds, fmt.Sprintf("%d %s", c.kinds[kind], kind))
	}
	text := fmt.Sprintf("%d %s", total, what)
	if total > 0 {
		text += ": " + strings.Join(kinds, ", ")
	}
	if c.repeats > 0 {
		text += fmt.Sprintf("; lines that repeat one of them: %d", c.repeats)
	}
	return text
}

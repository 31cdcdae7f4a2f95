package main

import (
	"cmp"
	"context"
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
	"time"

	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
)

const (
	outVariable = "OUT"
	outDefault  = "out"
)

// describeResults says where the results are and what they contain.
func describeResults(w io.Writer, variable func(string) string) {
	folder := cmp.Or(variable(outVariable), outDefault)
	tickets, note := filepath.Join(folder, "tickets.jsonl"), ""
	if _, err := os.Stat(tickets + ".partial"); err == nil {
		tickets, note = tickets+".partial", "; not finished, the next run continues it"
	}
	found, err := count(tickets, "severity")
	describe(w, tickets, found, "tickets", note, err)
	letters := filepath.Join(folder, "dead-letters.db")
	found, err = countLetters(letters)
	describe(w, letters, found, "dead letters", "", err)
}

func describe(w io.Writer, path string, found contents, what, note string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist): // a configuration of the user's own writes elsewhere
	case err != nil:
		_, _ = fmt.Fprintf(w, "%s: %v\n", path, err)
	default:
		_, _ = fmt.Fprintf(w, "%s: %s%s\n", path, found.describe(what), note)
	}
}

// lettersTimeout is the limit for counting the dead letters.
const lettersTimeout = 10 * time.Second

// countLetters counts the dead letters in a file. The kind of a letter is its category.
func countLetters(path string) (found contents, err error) {
	if _, err := os.Stat(path); err != nil { // opening would create it
		return found, err
	}
	c := sqlite.DefaultDeadLettersConfig()
	c.Dir, c.Path = filepath.Split(path)
	store, err := openDeadLetters(c)
	if err != nil {
		return found, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lettersTimeout)
	defer cancel()
	defer func() { err = errors.Join(err, store.Close(ctx)) }()
	if err := store.Open(ctx); err != nil {
		return found, err
	}
	groups, err := store.GroupDeadLetters(ctx, deadletter.Filter{})
	found.kinds = map[string]int{}
	for _, g := range groups {
		found.kinds[g.Category.String()] += int(g.Count)
	}
	return found, err
}

// contents counts the records of a result.
type contents struct {
	kinds   map[string]int // the number of ids of each kind
	repeats int            // the number of records whose id was there before
}

// count reads a file of JSON lines with an id. The kind of a line is its value under the key by. It keeps the ids in memory.
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

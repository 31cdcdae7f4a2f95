package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with a configuration file.
type Fault struct { //nolint:errname // as policy.Fault
	// File is the file's name as it was given.
	File string `json:"file"`
	// Line and Col count from 1, and Col counts characters. What is missing is reported at the nearest thing that is written.
	Line int `json:"line"`
	Col  int `json:"col"`
	// Path is where it is, as YAML keys: "tasks.triage.workers.count". It is empty for the file as a whole.
	Path string `json:"path"`
	// Problem says what is wrong and what would be right.
	Problem string `json:"problem"`
}

var _ error = Fault{}

// Error is "file:line:col: path: problem", in one line.
func (f Fault) Error() string {
	if f.Path == "" {
		return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Col, f.Problem)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Col, f.Path, f.Problem)
}

// Faults is everything that is wrong with a configuration file, in the order of the file.
type Faults []Fault //nolint:errname // as policy.Fault

var _ error = Faults{}

// Error has one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the faults one by one.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i := range f {
		errs[i] = f[i]
	}
	return errs
}

// err sorts f by position; none is nil.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return f
}

// each takes joined errors apart.
func each(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, each(e)...)
	}
	return all
}

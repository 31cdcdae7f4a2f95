package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one fault of a configuration file.
type Fault struct { //nolint:errname // as policy.Fault
	// File is the name of the file as the caller gave it.
	File string `json:"file"`
	// Line and Col count from 1; Col counts characters. Something that is missing is reported at the nearest key that is there.
	Line int `json:"line"`
	Col  int `json:"col"`
	// Path is the place as YAML keys: "tasks.triage.workers.count". "" means the whole file.
	Path string `json:"path"`
	// Problem says what is wrong and what would be right.
	Problem string `json:"problem"`
}

var _ error = Fault{}

// Error returns "file:line:col: path: problem" in one line.
func (f Fault) Error() string {
	if f.Path == "" {
		return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Col, f.Problem)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Col, f.Path, f.Problem)
}

// Faults has all faults of a configuration file, in the order of the file.
type Faults []Fault //nolint:errname // as policy.Fault

var _ error = Faults{}

// Error returns one line for each fault.
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

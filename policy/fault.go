package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Fault is one fault of a policy or another configuration.
type Fault struct { //nolint:errname // what a policy has, not what a call ends with
	// Path is where it is, as YAML keys: "loop.concurrency.value".
	Path string
	// Problem says what is wrong and what would be right.
	Problem string
}

func (f *Fault) Error() string { return f.Path + ": " + f.Problem }

type path string

func (p path) key(name string) path {
	if p == "" {
		return path(name)
	}
	return p + "." + path(name)
}

type faults []error

func (f *faults) addf(at path, format string, args ...any) {
	*f = append(*f, &Fault{Path: string(at), Problem: fmt.Sprintf(format, args...)})
}

func (f faults) join() error { return errors.Join(f...) }

func (f *faults) atLeast(at path, got, least int, why string) {
	if got < least {
		f.addf(at, "is %d, must be at least %d (%s)", got, least, why)
	}
}

func (f *faults) positive(at path, got time.Duration, why string) {
	if got <= 0 {
		f.addf(at, "is %s, must be more than 0 (%s)", got, why)
	}
}

func (f *faults) notNegative(at path, got time.Duration) {
	if got < 0 {
		f.addf(at, "is %s, must not be negative", got)
	}
}

func (f *faults) multiplier(at path, got float64) {
	if math.IsNaN(got) || math.IsInf(got, 0) || got < 1 {
		f.addf(at, "is %v, must be at least 1 (1 keeps the delay constant)", got)
	}
}

func (f *faults) fraction(at path, got float64) {
	if math.IsNaN(got) || got < 0 || got > 1 {
		f.addf(at, "is %v, must be from 0 to 1", got)
	}
}

func oneOf[T ~string](f *faults, at path, got T, allowed ...T) {
	if !slices.Contains(allowed, got) {
		f.addf(at, "is %q, must be one of %q", got, allowed)
	}
}

package postgres

import (
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/policy"
)

// faults collects the faults of a configuration, each a *policy.Fault.
type faults []error

func (f *faults) addf(key, format string, args ...any) {
	*f = append(*f, &policy.Fault{Path: key, Problem: fmt.Sprintf(format, args...)})
}

func (f faults) join() error { return errors.Join(f...) }

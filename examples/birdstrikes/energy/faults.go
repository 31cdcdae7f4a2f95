package energy

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/policy"
)

// Faults is the script by which the service fails. The answer depends only on Seed, the report, and how often the service was
// called for it. It does not depend on the order of calls, the time or chance, so every run sees the same failures. The third
// call for a report succeeds at the latest.
type Faults struct {
	// Seed selects one of many scripts with the same shares.
	Seed uint64 `yaml:"seed"`
	// Unavailable is the share of reports, 0 to 1, for which the first call returns ErrUnavailable, and for half of them also the second.
	Unavailable float64 `yaml:"unavailable"`
	// Hanging is the share of reports, 0 to 1, for which the first call returns only when its context ends.
	Hanging float64 `yaml:"hanging"`
}

// Validate reports every fault of f, each a *policy.Fault.
func (f Faults) Validate() error {
	var faults []error
	for _, share := range []struct {
		key   string
		value float64
	}{{"unavailable", f.Unavailable}, {"hanging", f.Hanging}} {
		if !(share.value >= 0 && share.value <= 1) { // NaN is neither
			problem := fmt.Sprintf("is %g, must be a fraction from 0 to 1, such as 0.05", share.value)
			faults = append(faults, &policy.Fault{Path: share.key, Problem: problem})
		}
	}
	if len(faults) == 0 && f.Unavailable+f.Hanging > 1 {
		problem := fmt.Sprintf("is %g, which is more than unavailable %g leaves; both together are at most 1", f.Hanging, f.Unavailable)
		faults = append(faults, &policy.Fault{Path: "hanging", Problem: problem})
	}
	return errors.Join(faults...)
}

// fault is how a call can fail.
type fault uint8

const (
	none fault = iota
	unavailable
	hanging
)

// at returns the fault of the n-th call for a report, from 1.
func (f Faults) at(report string, n int) fault {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", f.Seed, report))
	dice := float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
	twice := sum[8]%2 == 1
	switch {
	case dice < f.Hanging && n == 1:
		return hanging
	case dice >= f.Hanging && dice < f.Hanging+f.Unavailable && (n == 1 || n == 2 && twice):
		return unavailable
	default:
		return none
	}
}

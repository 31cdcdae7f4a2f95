package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/ask"
	"github.com/ergon-go/ergon/policy"
)

// validateHold refuses a transaction timeout that the source does not allow [K7]. The default gives way.
func (s Settings) validateHold(maxHold time.Duration) error {
	longest, timeout := longestWork(maxHold), s.Policy.Loop.TransactionTimeout
	if maxHold <= 0 || timeout <= longest || timeout == policy.DefaultConsumer().Loop.TransactionTimeout {
		return nil
	}
	return fmt.Errorf("loop.transaction_timeout: is %s, but connector %q lets a delivery be held for %s at most, and a tenth of that is "+
		"for its settlement; set it to %s or less, or raise the limit of the source", timeout, s.Policy.Fetch.Connector, maxHold, longest)
}

func (s Settings) validateLease() error {
	keeper, leased := capability.As[capability.LeaseKeeper](s.Source)
	if !leased {
		return nil
	}
	var faults []error
	switch lease, err := leaseOf(keeper); {
	case err != nil:
		faults = append(faults, fmt.Errorf("connector %q does not say how long its leases are: %w", s.Policy.Fetch.Connector, err))
	case lease < capability.ShortestLease:
		faults = append(faults, fmt.Errorf("a lease of %s, which connector %q gives, is too short to be extended in time, "+
			"must be at least %s; lengthen it, and leave it short: it is extended for as long as an attempt takes",
			lease, s.Policy.Fetch.Connector, capability.ShortestLease))
	}
	if p, most := s.Policy.Loop.Batch.Prefetch, s.Policy.Loop.Concurrency.MaxRunning(); p > most {
		faults = append(faults, fmt.Errorf("loop.batch.prefetch: %d is more than the %d that run at once, "+
			"so leases of connector %q would be held by transactions that only wait; lower it",
			p, most, s.Policy.Fetch.Connector))
	}
	return errors.Join(faults...)
}

func leaseOf(keeper capability.LeaseKeeper) (time.Duration, error) {
	return ask.For(fmt.Sprintf("LeaseDuration of %T", keeper), keeper.LeaseDuration)
}

package policy

import "time"

// Outage sets when a loop concludes that a system that all transactions need is down.
type Outage struct {
	// After is how many consecutive transactions must fail with category SYSTEM or TIMEOUT. 0 (default) switches it
	// off.
	After int `yaml:"after"`
	// ProbeInterval is the pause before each probe, a single transaction that is tried during the outage. It is also
	// the delay with which failed ones are requeued. More than 0. Default 5s.
	ProbeInterval time.Duration `yaml:"probe_interval"`
	// SameProbe is how many consecutive probes try the same transaction before another one is tried, because the first
	// may itself be the cause. Its own policy decides about it after another has succeeded. 0 means the default.
	// Default 3.
	SameProbe int `yaml:"same_probe"`
}

const defaultSameProbe = 3

// DefaultOutage returns an outage mode that is off.
func DefaultOutage() Outage {
	return Outage{ProbeInterval: 5 * time.Second, SameProbe: defaultSameProbe}
}

// MaxSameProbes returns the effective SameProbe.
func (o Outage) MaxSameProbes() int {
	if o.SameProbe > 0 {
		return o.SameProbe
	}
	return defaultSameProbe
}

func (o Outage) validate(at path) faults {
	var f faults
	f.atLeast(at.key("after"), o.After, 0, "0 switches outage mode off")
	f.atLeast(at.key("same_probe"), o.SameProbe, 0, "0 means 3")
	f.positive(at.key("probe_interval"), o.ProbeInterval, "an outage must not be probed without a pause")
	return f
}

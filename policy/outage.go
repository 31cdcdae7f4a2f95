package policy

import "time"

// Outage is when a loop concludes that it is not the transactions that are at fault but something they all need.
type Outage struct {
	// After is how many transactions in a row must fail with category SYSTEM or TIMEOUT. 0 (default) switches it off.
	After int `yaml:"after"`
	// ProbeInterval is the pause before each single transaction that is tried while the outage lasts, and the delay with
	// which failed ones are requeued. More than 0. Default 5s.
	ProbeInterval time.Duration `yaml:"probe_interval"`
	// SameProbe is how often in a row of probes the same transaction is tried before another one is: it may be at fault
	// itself. It is judged once another has succeeded. 0 means the default. Default 3.
	SameProbe int `yaml:"same_probe"`
}

const defaultSameProbe = 3

// DefaultOutage is off.
func DefaultOutage() Outage {
	return Outage{ProbeInterval: 5 * time.Second, SameProbe: defaultSameProbe}
}

// MostSameProbes is the effective SameProbe.
func (o Outage) MostSameProbes() int {
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

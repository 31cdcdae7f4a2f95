package postgres

import (
	"regexp"
	"strconv"
	"time"

	"github.com/ergon-go/ergon/capability"
)

// QueueConfig is the configuration of a queue. Start with [DefaultQueueConfig] and change its fields: the zero value of a field is
// not its default.
type QueueConfig struct {
	DatabaseConfig `yaml:",inline"`

	// Queue is the name of the queue in its schema: up to 64 letters, digits, _, - and ., beginning with a letter or a digit.
	// Default "default".
	Queue string `yaml:"queue"`
	// Lease is how long a delivery belongs to the process that fetched it. The engine extends it while it works on the transaction,
	// so it may be shorter than the work. It is also how long the transactions of a dead process wait. At least 2s. Default 30s.
	Lease time.Duration `yaml:"lease"`
	// MaxWait is how long a fetch waits for the first transaction. Default 1s.
	MaxWait time.Duration `yaml:"max_wait"`
	// MaxDeliveries is how many consecutive deliveries may be lost, because the process died or the lease expired, before the
	// transaction becomes a dead letter in the same schema. Any settlement resets the count. The last delivery is made to one
	// transaction at a time, so a transaction that only ran beside a deadly one survives. 0 means no limit. Default 5.
	MaxDeliveries int `yaml:"max_deliveries"`
	// Dedup makes the queue store one transaction for each id. Another one with the same content is a duplicate, one with other
	// content a conflict; neither is stored. Without it an id may be there several times. Default true.
	Dedup bool `yaml:"dedup"`
	// OnConflict is what happens to a transaction whose id is known with other content. Default auto.
	OnConflict capability.OnConflict `yaml:"on_conflict"`
	// DedupWindow is how long the queue remembers the id of a settled transaction, with a digest of its content. It always knows the
	// ids of the transactions in it. 0 means not at all. Default 10m.
	DedupWindow time.Duration `yaml:"dedup_window"`
	// RetainSettled is how long a settled transaction is kept whole, for inspection and replay. Its id is remembered for the same
	// time at least. 0 (default) means not at all.
	RetainSettled time.Duration `yaml:"retain_settled"`
	// Finite makes a fetch return ergon.ErrExhausted once nothing is ready, delayed or claimed, by this process or another. A loop
	// with streaming: true then ends when all work is done, not when the queue is empty for a moment. Default false.
	Finite bool `yaml:"finite"`
	// MaxPayloadBytes is the maximum size of a payload. Default 1 MiB.
	MaxPayloadBytes int `yaml:"max_payload_bytes"`
}

// QueueSettings is a QueueConfig with the values that only code can set. There are none yet.
type QueueSettings struct {
	QueueConfig
}

// DefaultQueueConfig returns the queue "default" in the database of the environment.
func DefaultQueueConfig() QueueConfig {
	return QueueConfig{
		DatabaseConfig:  DefaultDatabaseConfig(),
		Queue:           "default",
		Lease:           30 * time.Second,
		MaxWait:         time.Second,
		MaxDeliveries:   5,
		Dedup:           true,
		OnConflict:      capability.ConflictAuto,
		DedupWindow:     10 * time.Minute,
		MaxPayloadBytes: 1 << 20,
	}
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// maxPayload is such that a row with it, sent as text, stays below the gigabyte that PostgreSQL accepts.
const maxPayload = 256 << 20

// longest is the longest lease, delay or window.
const longest = 100 * 365 * 24 * time.Hour

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It does not connect.
func (c QueueConfig) Validate() error {
	f := c.faults()
	if !queueName.MatchString(c.Queue) {
		f.addf("queue", "is %s, must be a name of letters, digits, _, - and ., at most 64, beginning with a letter or a digit",
			quoted(c.Queue))
	}
	if c.Lease < capability.ShortestLease || c.Lease > longest {
		f.addf("lease", "is %s, must be at least %s, such as 30s: it is extended while the work continues, and a shorter one could run "+
			"out in between", c.Lease, capability.ShortestLease)
	}
	if c.MaxWait < 0 {
		f.addf("max_wait", "is %s, must not be negative (0 does not wait)", c.MaxWait)
	}
	if c.MaxDeliveries < 0 || c.MaxDeliveries > 1_000_000 {
		f.addf("max_deliveries", "is %d, must be from 0 (no limit) to 1000000", c.MaxDeliveries)
	}
	if !c.OnConflict.Known() {
		f.addf("on_conflict", "is %q, must be %s, %s or %s",
			c.OnConflict, capability.ConflictAuto, capability.ConflictFirst, capability.ConflictError)
	}
	if c.DedupWindow < 0 || c.DedupWindow > longest {
		f.addf("dedup_window", "is %s, must be from 0 (forgets ids at once) to 100 years", c.DedupWindow)
	}
	if c.RetainSettled < 0 || c.RetainSettled > longest {
		f.addf("retain_settled", "is %s, must be from 0 (keeps nothing) to 100 years", c.RetainSettled)
	}
	if c.MaxPayloadBytes < 1 || c.MaxPayloadBytes > maxPayload {
		f.addf("max_payload_bytes", "is %d, must be from 1 to %d, such as 1048576", c.MaxPayloadBytes, maxPayload)
	}
	return f.join()
}

func quoted(s string) string { return strconv.Quote(s) }

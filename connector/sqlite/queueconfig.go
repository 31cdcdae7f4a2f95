package sqlite

import (
	"regexp"
	"strconv"
	"time"

	"github.com/ergon-go/ergon/capability"
)

// QueueConfig is what a user says about a queue. Change a value of [DefaultQueueConfig]; zero values are not defaults.
type QueueConfig struct {
	DatabaseConfig `yaml:",inline"`

	// Queue is the name of the queue in its file: letters, digits, _, - and ., at most 64 of them, beginning with a letter
	// or a digit. Default "default".
	Queue string `yaml:"queue"`
	// Lease is how long a delivery belongs to whoever fetched it. The engine extends it for as long as it works on it, so
	// that it need not be longer than the work; it is how long the transactions of a process that died wait. At least 2s.
	// Default 30s.
	Lease time.Duration `yaml:"lease"`
	// MaxWait is how long a fetch waits for the first transaction. Default 1s.
	MaxWait time.Duration `yaml:"max_wait"`
	// MaxDeliveries is how many deliveries in a row may be lost, because the process died or the lease ran out, before the
	// transaction becomes a dead letter in the same file. A delivery that was settled, however, begins the count anew. The
	// last delivery is made to one transaction at a time, so that what merely ran beside a deadly one outlives it. 0: as
	// many as it takes. Default 5.
	MaxDeliveries int `yaml:"max_deliveries"`
	// Dedup has the queue take one transaction of each id: another with the same content is a duplicate, one with other
	// content a conflict, and neither is stored. Without it an id may be there several times, and what is done by id is done to
	// all of them. Default true.
	Dedup bool `yaml:"dedup"`
	// OnConflict is what becomes of a transaction whose id is known with other content. Default auto.
	OnConflict capability.OnConflict `yaml:"on_conflict"`
	// DedupWindow is how long the id of a settled transaction is remembered, with a digest of its content. While a transaction
	// is in the queue its id is known anyway. 0: it is forgotten at once. Default 10m.
	DedupWindow time.Duration `yaml:"dedup_window"`
	// RetainSettled is how long a settled transaction is kept whole, to be looked at and replayed. Its id is then remembered
	// as long at least. Default 0: not at all.
	RetainSettled time.Duration `yaml:"retain_settled"`
	// Finite makes a fetch return ergon.ErrExhausted once nothing is ready, delayed or claimed, in this process or another: a
	// loop with streaming: true then ends when the work is done, rather than when there is none for the moment. Default
	// false.
	Finite bool `yaml:"finite"`
	// MaxPayloadBytes is the largest payload that is taken. Default 1 MiB.
	MaxPayloadBytes int `yaml:"max_payload_bytes"`
}

// QueueSettings is a QueueConfig with what only code can give.
type QueueSettings struct {
	QueueConfig

	// Now is the clock that leases and delays are measured by; all processes that use the file must agree on it. nil means
	// time.Now.
	Now func() time.Time
}

// DefaultQueueConfig is the durable queue "default". Path is still to be set.
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

// maxPayload is what SQLite stores in one value.
const maxPayload = 1_000_000_000

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It looks at no file.
func (c QueueConfig) Validate() error {
	f := c.faults()
	if !queueName.MatchString(c.Queue) {
		f.addf("queue", "is %s, must be a name of letters, digits, _, - and ., at most 64, beginning with a letter or a digit",
			quoted(c.Queue))
	}
	if c.Lease < capability.ShortestLease {
		f.addf("lease", "is %s, must be at least %s, such as 30s: it is extended while the work goes on, and a shorter one could run out "+
			"in between", c.Lease, capability.ShortestLease)
	}
	if c.MaxWait < 0 {
		f.addf("max_wait", "is %s, must not be negative (0 does not wait)", c.MaxWait)
	}
	if c.MaxDeliveries < 0 {
		f.addf("max_deliveries", "is %d, must not be negative (0 means no limit)", c.MaxDeliveries)
	}
	if !c.OnConflict.Known() {
		f.addf("on_conflict", "is %q, must be %s, %s or %s",
			c.OnConflict, capability.ConflictAuto, capability.ConflictFirst, capability.ConflictError)
	}
	if c.DedupWindow < 0 {
		f.addf("dedup_window", "is %s, must not be negative (0 forgets ids at once)", c.DedupWindow)
	}
	if c.RetainSettled < 0 {
		f.addf("retain_settled", "is %s, must not be negative (0 keeps nothing)", c.RetainSettled)
	}
	if c.MaxPayloadBytes < 1 || c.MaxPayloadBytes > maxPayload {
		f.addf("max_payload_bytes", "is %d, must be from 1 to %d, such as 1048576", c.MaxPayloadBytes, maxPayload)
	}
	return f.join()
}

func quoted(s string) string { return strconv.Quote(s) }

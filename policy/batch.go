package policy

import "time"

// Batch is how much is fetched at once.
type Batch struct {
	// Size is the maximum number of transactions of one fetch. At least 1. Default 100.
	Size int `yaml:"size"`
	// MinSize and MaxSize, if both are set, let the size adapt between them: it doubles while fetches return a full
	// batch and halves when they return less than half of one. 0 and 0 (default) keep Size.
	MinSize int `yaml:"min_size"`
	// MaxSize is the maximum of the adapting size.
	MaxSize int `yaml:"max_size"`
	// Interval is the minimum pause between the starts of two fetches. Default 0.
	Interval time.Duration `yaml:"interval"`
	// Prefetch is how many transactions may be fetched before a slot is free, continuous mode only. They wait with
	// extended leases, and are requeued at shutdown. Default 0.
	Prefetch int `yaml:"prefetch"`
	// Fill is how long a batch waits for more transactions, batch mode only. It begins when it has MinSize transactions
	// or the rest of the loop's limit, when Fill has passed since its first transaction, or when the source has ended.
	// The delays of empty_queue apply between its fetches. 0 (default) begins with the result of the first fetch.
	Fill time.Duration `yaml:"fill"`
}

// DefaultBatch returns fetches of up to 100 transactions.
func DefaultBatch() Batch { return Batch{Size: 100} }

// Adapts reports whether the size moves between MinSize and MaxSize.
func (b Batch) Adapts() bool { return b.MinSize < b.MaxSize }

func (b Batch) validate(at path) faults {
	var f faults
	f.atLeast(at.key("size"), b.Size, 1, "it is what one fetch asks for")
	f.atLeast(at.key("prefetch"), b.Prefetch, 0, "0 fetches only for free slots")
	f.notNegative(at.key("interval"), b.Interval)
	f.notNegative(at.key("fill"), b.Fill)
	if b.Fill > 0 && b.MinSize == 0 {
		f.addf(at.key("fill"), "is %s, but min_size, the number that a batch waits for, is not set; set min_size and max_size", b.Fill)
	}
	if b.MinSize == 0 && b.MaxSize == 0 {
		return f
	}
	if b.MinSize < 1 || b.MinSize > b.Size || b.Size > b.MaxSize {
		f.addf(at, "min_size %d, size %d and max_size %d must be in this order, from 1; remove min_size and max_size for a fixed size",
			b.MinSize, b.Size, b.MaxSize)
	}
	return f
}

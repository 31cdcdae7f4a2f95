package policy

import "time"

// Batch is how much is fetched at once.
type Batch struct {
	// Size is how many transactions one fetch asks for at most. At least 1. Default 100.
	Size int `yaml:"size"`
	// MinSize and MaxSize, where both are set, let the size adapt between them: it doubles while fetches come back full
	// and halves when they come back less than half full. 0 and 0 (default) keep Size.
	MinSize int `yaml:"min_size"`
	// MaxSize is the upper end of the adapting size.
	MaxSize int `yaml:"max_size"`
	// Interval is the least pause between the starts of two fetches. Default 0.
	Interval time.Duration `yaml:"interval"`
	// Prefetch is how many transactions may be fetched ahead of a free slot, continuous mode only. They wait with their
	// leases kept, and are released at shutdown. Default 0.
	Prefetch int `yaml:"prefetch"`
	// Fill is how long a batch waits for more, batch mode only: it begins once it has MinSize transactions, or what is left
	// of the loop's limit, when Fill has passed since its first, or when the source has ended. Its fetches are paced by
	// empty_queue. 0 (default) begins with what the first fetch brings.
	Fill time.Duration `yaml:"fill"`
}

// DefaultBatch asks for 100 at a time.
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
		f.addf(at.key("fill"), "is %s, but min_size does not say how many a batch waits for; set min_size and max_size", b.Fill)
	}
	if b.MinSize == 0 && b.MaxSize == 0 {
		return f
	}
	if b.MinSize < 1 || b.MinSize > b.Size || b.Size > b.MaxSize {
		f.addf(at, "min_size %d, size %d and max_size %d must be in this order, from 1; leave out min_size and max_size for a fixed size",
			b.MinSize, b.Size, b.MaxSize)
	}
	return f
}

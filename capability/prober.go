package capability

import "context"

// Prober can tell, without being opened, whether it could be. It is for looking at a configuration before anything runs.
type Prober interface {
	// Probe returns what would keep Open from succeeding, as far as that can be seen without changing anything: not even a
	// file that Open would make is made.
	Probe(ctx context.Context) error
}

// Storer keeps files on this machine.
type Storer interface {
	// StoragePaths returns the files that it writes, whether they are there already or not. It may be called before Open.
	StoragePaths() []string
}

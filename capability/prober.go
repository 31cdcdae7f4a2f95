package capability

import "context"

// Prober can check, without being opened, whether Open would succeed. It is for checking a configuration before anything runs.
type Prober interface {
	// Probe returns why Open would fail, as far as that can be seen without changing anything. It does not even create a file
	// that Open would create.
	Probe(ctx context.Context) error
}

// Storer keeps files on this machine.
type Storer interface {
	// StoragePaths returns the files that it writes, whether they exist or not. It may be called before Open.
	StoragePaths() []string
}

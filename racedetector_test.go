//go:build race

package ergon_test

// The race detector drops things from a sync.Pool at random.
const maxAllocations = 8

//go:build race

package attempt_test

// The race detector drops things from a sync.Pool at random.
const maxAllocations = 8

//go:build !race

package attempt_test

const maxAllocations = 2

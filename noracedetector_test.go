//go:build !race

package ergon_test

const maxAllocations = 2

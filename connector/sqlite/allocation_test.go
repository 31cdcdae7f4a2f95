//go:build !race

package sqlite_test

import (
	"fmt"
	"testing"

	"github.com/ergon-go/ergon"
)

// [I2] What is compared costs an enqueue the digest and nothing else: 11 allocations for each of many, of which the driver makes
// most, and one of which is the digest's.
func TestEnqueueOfManyAllocatesLittle(t *testing.T) {
	queue := newBench(t).queue(t)
	const size, rounds = 100, 20
	batches := make([][]ergon.Transaction, rounds+1)
	for b := range batches {
		for i := range size {
			batches[b] = append(batches[b], ergon.NewTransaction(fmt.Sprintf("t%d", b*size+i), payload))
		}
	}
	next := 0
	allocations := testing.AllocsPerRun(rounds, func() {
		dispatch(t, queue, batches[next]...)
		next++
	})
	if most := 1130.0; allocations > most {
		t.Errorf("%d at once make %.0f allocations, want %.0f at most", size, allocations, most)
	}
}

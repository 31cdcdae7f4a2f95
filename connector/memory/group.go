package memory

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/ergon-go/ergon"
)

func partitionName(i int) string { return strconv.Itoa(i) }

// join adds a reader to the group and deals the partitions anew, without waiting for that.
func (t *Topic) join(r *Reader) {
	t.mu.Lock()
	t.readers = append(t.readers, r)
	alone := len(t.readers) == 1
	t.mu.Unlock()
	if alone {
		t.deal()
		return
	}
	go t.deal()
}

// leave removes a reader. Its partitions are not its own any more at once.
func (t *Topic) leave(r *Reader) {
	t.mu.Lock()
	i := slices.Index(t.readers, r)
	if i < 0 {
		t.mu.Unlock()
		return
	}
	t.readers = slices.Delete(t.readers, i, i+1)
	for _, p := range t.partitions {
		if p.reader == r {
			p.reader = nil
		}
	}
	t.mu.Unlock()
	go t.deal()
}

// deal gives each partition to one reader, in turn, and takes it from another before.
func (t *Topic) deal() {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	t.mu.Lock()
	var moved []*partition
	for _, p := range t.partitions {
		if len(t.readers) > 0 && p.reader != t.readers[p.number%len(t.readers)] {
			moved = append(moved, p)
		}
	}
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(max(t.settings.RevokeWithin, 0), defaultRevokeWithin))
	defer cancel()
	t.revoke(ctx, moved)
	t.assign(moved)
}

// revoke takes partitions from their readers in good order. The caller has the turn.
func (t *Topic) revoke(ctx context.Context, partitions []*partition) {
	for _, r := range t.take(partitions) {
		if d := r.attached(); d != nil {
			d.Revoke(ctx, r.has(partitions))
		}
	}
}

// take makes the readers of partitions fetch nothing from them, and returns the readers.
func (t *Topic) take(partitions []*partition) (readers []*Reader) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range partitions {
		p.leaving = true
		if p.reader != nil && !slices.Contains(readers, p.reader) {
			readers = append(readers, p.reader)
		}
	}
	return readers
}

// assign begins a new generation of partitions, each at what is settled.
func (t *Topic) assign(partitions []*partition) {
	t.mu.Lock()
	for _, p := range partitions {
		p.reader, p.leaving = nil, false
		if len(t.readers) > 0 {
			p.reader = t.readers[p.number%len(t.readers)]
		}
		p.generation++
		p.next = p.floor
	}
	t.mu.Unlock()
	t.wake()
}

// Revoke takes partitions from their readers in good order, as a change of the group does, and then assigns them anew. Without
// partitions it takes all. The readers have until ctx ends.
func (t *Topic) Revoke(ctx context.Context, partitions ...int) {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	of := t.numbered(partitions)
	t.revoke(ctx, of)
	t.assign(of)
}

// Lose takes partitions from their readers at once, as a lost connection does, and assigns them anew. Without partitions it takes all.
func (t *Topic) Lose(partitions ...int) {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	of := t.numbered(partitions)
	readers := t.take(of)
	matches := make([]func(ergon.Delivery) bool, len(readers))
	for i, r := range readers {
		matches[i] = r.has(of)
	}
	t.mu.Lock()
	for _, p := range of {
		p.generation++ // nothing of the former one is settled any more
		p.next = p.floor
	}
	t.mu.Unlock()
	for i, r := range readers {
		if d := r.attached(); d != nil {
			d.Lost(matches[i])
		}
	}
	t.assign(of)
}

func (t *Topic) numbered(numbers []int) []*partition {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(numbers) == 0 {
		return slices.Clone(t.partitions)
	}
	var of []*partition
	for _, n := range numbers {
		of = append(of, t.partitions[n])
	}
	return of
}

// has returns a match for the deliveries of partitions in their generations of now.
func (r *Reader) has(partitions []*partition) func(ergon.Delivery) bool {
	r.topic.mu.Lock()
	defer r.topic.mu.Unlock()
	of := map[*partition]int64{}
	for _, p := range partitions {
		if p.reader == r {
			of[p] = p.generation
		}
	}
	return func(d ergon.Delivery) bool {
		receipt, ok := d.Receipt.(*ticket)
		if !ok {
			return false
		}
		generation, taken := of[receipt.of]
		return taken && receipt.generation <= generation
	}
}

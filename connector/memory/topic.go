package memory

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// TopicSettings are the settings of a topic. The zero value is an empty topic with one partition.
type TopicSettings struct {
	// Name is the name of the topic in the declarations of its readers. Default none.
	Name string
	// Partitions is the number of partitions. Less than 1 means 1. Transactions of one ordering key are in one partition; others
	// are in all of them in turn. Default 1.
	Partitions int
	// Transactions are in the topic from the start. Default none.
	Transactions []ergon.Transaction
	// Finite makes a fetch return ergon.ErrExhausted once everything in the topic is settled. Default false.
	Finite bool
	// CountDeliveries counts the deliveries of each transaction. Otherwise ergon.Delivery.Count is 0. Default false.
	CountDeliveries bool
	// RevokeWithin is how long a reader has to give up a partition that another reader gets. 0 or less means 20s.
	RevokeWithin time.Duration
}

const defaultRevokeWithin = 20 * time.Second

// Topic is a log with partitions, as brokers with groups of consumers have it. Its readers form one group: each partition has one
// reader at a time, and a reader that joins or leaves changes who has which. A partition remembers no more than the position up to
// which everything is settled, so it takes settlements in order only. Nothing is ever removed. It is safe for concurrent use.
//
// For tests, [Topic.Revoke] and [Topic.Lose] take partitions from their readers.
type Topic struct {
	settings TopicSettings
	turn     chan struct{} // held by whoever changes which reader has which partition

	mu         sync.Mutex
	partitions []*partition
	readers    []*Reader // that have joined
	appended   int
	rejected   []ergon.Transaction
}

var _ ergon.Dispatcher = (*Topic)(nil)

// partition is a part of a topic. The topic's mutex guards it.
type partition struct {
	name       string
	number     int
	records    []record
	floor      int // everything before it is settled
	next       int // of the records, for the reader
	reader     *Reader
	generation int64 // grows when it gets a reader
	leaving    bool  // its reader gives it up
}

type record struct {
	transaction ergon.Transaction
	position    int64
	enqueuedAt  time.Time
	count       int
}

// ticket is the receipt of a delivery.
type ticket struct {
	of         *partition
	index      int
	generation int64
}

// NewTopic makes a topic.
func NewTopic(settings TopicSettings) *Topic {
	t := &Topic{settings: settings, turn: make(chan struct{}, 1)}
	for i := range max(settings.Partitions, 1) {
		t.partitions = append(t.partitions, &partition{name: partitionName(i), number: i})
	}
	t.append(settings.Transactions)
	t.settings.Transactions = nil
	return t
}

// NewReader makes a source that reads the topic. It joins the group when a loop attaches it, or with its first fetch.
func (t *Topic) NewReader() *Reader { return &Reader{topic: t} }

// DispatchTransactions appends the batch. It never waits.
func (t *Topic) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	t.append(batch)
	t.wake()
	return nil
}

func (t *Topic) append(batch []ergon.Transaction) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, tx := range batch {
		p := t.partitions[t.place(tx)]
		// Positions have gaps, as those of a log have from which something was removed.
		position := int64(len(p.records)) + int64(len(p.records)/3)
		p.records = append(p.records, record{transaction: tx, position: position, enqueuedAt: now})
	}
}

// place returns the number of the partition for a transaction.
func (t *Topic) place(tx ergon.Transaction) int {
	if key := tx.OrderingKey(); key != "" {
		h := fnv.New32a()
		_, _ = h.Write([]byte(key)) // never fails
		return int(h.Sum32() % uint32(len(t.partitions)))
	}
	t.appended++
	return (t.appended - 1) % len(t.partitions)
}

// wake tells all readers that there may be something to fetch.
func (t *Topic) wake() {
	t.mu.Lock()
	readers := slices.Clone(t.readers)
	t.mu.Unlock()
	for _, r := range readers {
		if d := r.attached(); d != nil {
			d.Wake()
		}
	}
}

// Settled returns how many transactions of a partition are settled, all of them at its beginning.
func (t *Topic) Settled(partition int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.partitions[partition].floor
}

// Rejected returns the rejected transactions, in the order of their settlement.
func (t *Topic) Rejected() []ergon.Transaction {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.rejected)
}

// left returns how many transactions are not settled.
func (t *Topic) left() (n int) {
	for _, p := range t.partitions {
		n += len(p.records) - p.floor
	}
	return n
}

// declare describes a reader.
func (t *Topic) declare() capability.Declaration {
	return capability.Declaration{
		Destination: t.settings.Name, Sharing: capability.SharingCompeting, Order: capability.OrderPartition, InOrder: true,
	}
}

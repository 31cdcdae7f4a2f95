package connectortest

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

func retryRules() []rule {
	return []rule{
		{
			name: "RetryGivesLettersBack", needs: []need{dispatches(), letters()}, check: retryGivesBack,
			why: "a letter leaves the store when its transaction enters its queue. Afterwards exactly one of the two exists.",
		},
		{
			name: "RetryKeepsTheHistory", needs: []need{dispatches(), letters()}, check: retryKeepsHistory,
			why: "a transaction that failed three times must not look like a first failure after the fourth.",
		},
		{
			name: "LettersFromElsewhereStay", needs: []need{dispatches(), letters()}, check: lettersFromElsewhereStay,
			why: "the store has no queue for these letters. Removing them would lose them.",
		},
		{
			name: "RetryIsAnotherArrival", needs: []need{dispatches(), letters()}, check: retryIsAnotherArrival,
			why: "the queue knows the id of a retried transaction. It must arrive anyway, and its earlier outputs must not arrive twice.",
		},
		{
			name: "EditedLetterArrives", needs: []need{dispatches(), letters(), edits()}, check: editedLetterArrives,
			why: "a corrected transaction is new work, so its outputs have other ids.",
		},
		{
			name: "EqualIDsReplaceNoLetter", needs: []need{dispatches(), letters()}, check: equalIDsReplaceNoLetter,
			why: "two sources may use the same id. If one letter replaced the other, a transaction would be lost.",
		},
	}
}

// bury has a transaction that is in flight become a letter, as the engine writes it: in one step with its acknowledgement
// where the queue can do that, otherwise before it.
func (s *subject) bury(queue *subject, tx ergon.Transaction, message string) {
	letter := letterOf(tx, func(record *deadletter.Record) {
		record.Message, record.Deliveries, record.EnqueuedAt = message, tx.Delivery().Count, tx.Delivery().EnqueuedAt
		record.Metadata = maps.Collect(tx.AllMetadata())
	}).WithDelivery(tx.Delivery())
	hopper, hops := capability.As[capability.Hopper](queue.value)
	if !hops || !hopper.SharesStore(as[ergon.Dispatcher](s)) {
		s.dispatch(letter)
		queue.ack(tx)
		return
	}
	if err := queue.tryHop(hopOf(tx, s, letter)); err != nil {
		s.fatalf("a hop into the dead letters: %v", err)
	}
}

func (s *subject) retry(filter deadletter.Filter, want int64) {
	s.returns("RetryDeadLetters", func(ctx context.Context) {
		if n, err := s.letters().RetryDeadLetters(ctx, filter); err != nil || n != want {
			s.errorf("RetryDeadLetters: got %d and %v, want %d", n, err, want)
		}
	})
}

func retryGivesBack(p *probe) {
	s := p.holding()
	queue, sent := s.otherQueue(), numbered(3)
	queue.dispatch(sent...)
	for _, tx := range queue.fetchAll(3) {
		s.bury(queue, tx, "broke at "+tx.ID())
	}
	all := s.listAll()
	if len(all) != 3 {
		p.fatalf("got %d letters, want 3", len(all))
	}
	for _, letter := range all {
		if letter.Queue == "" {
			p.errorf("letter %s does not say which queue it came from", letter.ID)
		}
	}
	queue.wantNothing("while all are dead letters")
	s.retry(deadletter.Filter{Keys: []string{all[1].Key}}, 1)
	one := queue.fetchAll(1)
	if len(one) != 1 || one[0].ID() != all[1].ID {
		p.fatalf("after %s was retried: got %s", all[1].ID, shown(idsOf(one)))
	}
	if got := text(one[0]); !isAmong(got, sent) {
		p.errorf("it came back with the payload %s", got)
	}
	queue.ack(one...)
	queue.wantNothing("after the one that was retried")
	s.retry(deadletter.Filter{}, 2)
	if got := len(queue.fetchAll(2)); got != 2 {
		p.errorf("after all were retried: got %d, want 2", got)
	}
	if left := s.listAll(); len(left) > 0 {
		p.errorf("letters that were retried are still there: %s", shown(letterIDs(left)))
	}
	s.retry(deadletter.Filter{}, 0)
}

func isAmong(payload string, all []ergon.Transaction) bool {
	for _, tx := range all {
		if text(tx) == payload {
			return true
		}
	}
	return false
}

func retryKeepsHistory(p *probe) {
	s := p.holding()
	queue := s.otherQueue()
	queue.dispatch(numbered(1)...)
	for round := 1; round <= 3; round++ {
		s.bury(queue, queue.fetchOne("fetching the transaction that fails"), fmt.Sprintf("failure %d", round))
		all := s.listAll()
		if len(all) != 1 {
			p.fatalf("after failure %d there are %d letters, want 1", round, len(all))
		}
		letter := all[0]
		if len(letter.History) != round-1 || letter.Message != fmt.Sprintf("failure %d", round) {
			p.fatalf("after failure %d: got message %q and %d failures before, want %d", round, letter.Message, len(letter.History), round-1)
		}
		for i, before := range letter.History {
			if want := fmt.Sprintf("failure %d", i+1); before.Message != want || before.RetriedAt.IsZero() || before.FailedAt.IsZero() {
				p.errorf("history %d: got %+v, want %q with its times", i, before, want)
			}
		}
		s.retry(deadletter.Filter{}, 1)
	}
}

func lettersFromElsewhereStay(p *probe) {
	s := p.lettersOf(2, nil)
	s.retry(deadletter.Filter{}, 0)
	if got := len(s.listAll()); got != 2 {
		p.errorf("got %d letters after the retry, want both of them still there", got)
	}
}

func retryIsAnotherArrival(p *probe) {
	s := p.holding()
	queue := s.otherQueue()
	queue.dispatch(numbered(1)...)
	seen := map[string]bool{"": true}
	tx := queue.fetchOne("fetching the transaction that fails")
	for round := 1; round <= 2; round++ {
		s.bury(queue, tx, "it broke")
		s.retry(deadletter.Filter{}, 1)
		tx = queue.fetchOne("fetching what was retried")
		if seen[tx.Arrival()] {
			p.errorf("retry %d has the arrival %q once more", round, tx.Arrival())
		}
		if tx.Generation() != 0 {
			p.errorf("retry %d is of generation %d, want 0: it is the same work", round, tx.Generation())
		}
		seen[tx.Arrival()] = true
	}
	queue.wantNothing("except the retried one")
}

func edits() need { return capable[deadletter.Editor]("deadletter.Editor") }

func editedLetterArrives(p *probe) {
	s := p.holding()
	queue := s.otherQueue()
	queue.dispatch(numbered(2)...)
	for _, tx := range queue.fetchAll(2) {
		s.bury(queue, tx, "it broke")
	}
	key := s.listAll()[0].Key
	edit := func(want bool) {
		s.returns("EditDeadLetter", func(ctx context.Context) {
			editor := as[deadletter.Editor](s)
			if edited, err := editor.EditDeadLetter(ctx, key, []byte(`{"n":"other"}`)); err != nil || edited != want {
				p.errorf("EditDeadLetter(%q): got %v and %v, want %v", key, edited, err, want)
			}
		})
	}
	edit(true)
	tx := queue.fetchOne("fetching what was edited")
	if text(tx) != `{"n":"other"}` || tx.Generation() != 1 || tx.Arrival() == "" {
		p.errorf("got %s of generation %d, arrival %q, want the new payload as another generation", text(tx), tx.Generation(), tx.Arrival())
	}
	queue.wantNothing("except the edited one")
	edit(false)
	if left := s.listAll(); len(left) != 1 {
		p.errorf("%d letters are left, want the other one", len(left))
	}
}

func equalIDsReplaceNoLetter(p *probe) {
	s := p.holding()
	at := func(n int) func(*deadletter.Record) {
		return func(record *deadletter.Record) {
			record.ID, record.EnqueuedAt = "same", firstFailure().Add(-time.Duration(n)*time.Hour)
		}
	}
	made := numbered(3)
	s.dispatch(letterOf(made[0], at(1)), letterOf(made[1], at(1)))
	s.dispatch(letterOf(made[2], at(1)), letterOf(made[0], at(2)))
	if got := s.listAll(); len(got) != 4 {
		p.errorf("got %d letters of one id, want all 4: they differ in what they say, or in when they came", len(got))
	}
}

package replay

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

var (
	_ ergon.Fetcher      = (*deadLetterSource)(nil)
	_ capability.Settler = (*deadLetterSource)(nil)
	_ capability.Counter = (*deadLetterSource)(nil)
	_ ergon.Opener       = (*deadLetterSource)(nil)
	_ ergon.Closer       = (*deadLetterSource)(nil)

	_ capability.Declarer = (*deadLetterSource)(nil)
)

// deadLetterSource delivers the transactions of dead letters, each once. An acknowledged transaction drops its dead letter; others
// stay as they are.
type deadLetterSource struct {
	store  deadletter.Store // not open yet
	filter deadletter.Filter
	edit   *deadletters.Edit
	of     capability.Declaration // of the source that the transactions came from
	pages  *deadletters.Pages
	ready  []deadletter.Letter
}

func (l *deadLetterSource) Open(ctx context.Context) error {
	l.pages = &deadletters.Pages{Store: l.store, Filter: l.filter}
	if opener, ok := l.store.(ergon.Opener); ok {
		return opener.Open(ctx)
	}
	return nil
}

func (l *deadLetterSource) Close(ctx context.Context) error {
	if closer, ok := l.store.(ergon.Closer); ok {
		return closer.Close(ctx)
	}
	return nil
}

func (l *deadLetterSource) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if len(l.ready) == 0 {
		letters, err := l.pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		if len(letters) == 0 {
			return nil, ergon.ErrExhausted
		}
		l.ready = letters
	}
	n := min(limit, len(l.ready))
	txs := make([]ergon.Transaction, n)
	for i := range txs {
		tx, err := deadletters.Requeued(l.ready[i], l.edit)
		if err != nil {
			tx = ergon.NewTransaction(l.ready[i].ID, err)
		}
		txs[i] = tx.WithDelivery(ergon.Delivery{Receipt: l.ready[i].Key, EnqueuedAt: l.ready[i].EnqueuedAt})
	}
	l.ready = l.ready[n:]
	return txs, nil
}

func (l *deadLetterSource) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	var done []deadletter.Letter
	for _, s := range batch {
		key, ok := s.Transaction.Delivery().Receipt.(string)
		if ok && s.Action == policy.SettleAck {
			done = append(done, deadletter.Letter{Key: key})
		}
	}
	return deadletters.Drop(ctx, l.store, done)
}

// Declare gives the name of the original source: ids that are derived from the transactions are the same as there.
func (l *deadLetterSource) Declare() capability.Declaration {
	return capability.Declaration{Destination: l.of.Destination, Sharing: capability.SharingSingle}
}

func (l *deadLetterSource) CountTransactions(ctx context.Context) (int64, error) {
	return deadletters.Count(ctx, l.store, l.filter)
}

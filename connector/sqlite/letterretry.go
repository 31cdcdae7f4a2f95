package sqlite

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/ergon-go/ergon/deadletter"
)

const (
	lastLetter     = `SELECT max(letter) FROM dead_letters`
	deleteLetter   = `DELETE FROM dead_letters WHERE letter = ?`
	rememberedOnly = `DELETE FROM items WHERE queue = ? AND id = ? AND state = 'settled' RETURNING seq`
)

// RetryDeadLetters gives the letters that match back to the ends of the queues that they came from and returns how many.
// Each moves in one step, its history with it, whatever happens to the process. Letters from elsewhere stay and are not
// counted. It takes several transactions for many of them; with an error the number beside it says how far it came.
func (d *DeadLetters) RetryDeadLetters(ctx context.Context, filter deadletter.Filter) (int64, error) {
	c, err := where(filter, "dead_letters.queue IN (SELECT queue FROM queues)")
	if err != nil {
		return 0, err
	}
	return d.inParts(ctx, "retry", func(t *tx, from, to int64) (int64, int64, error) {
		letters, err := t.letters(c, from, to)
		if err != nil || len(letters) == 0 {
			return 0, to, err
		}
		for i := range letters {
			if err := t.retry(d.micros(), &letters[i]); err != nil {
				return 0, 0, err
			}
		}
		return int64(len(letters)), letters[len(letters)-1].number, nil
	})
}

// DropDeadLetters removes the letters that match for good and returns how many, by the rules of RetryDeadLetters.
func (d *DeadLetters) DropDeadLetters(ctx context.Context, filter deadletter.Filter) (int64, error) {
	c, err := where(filter)
	if err != nil {
		return 0, err
	}
	return d.inParts(ctx, "drop", func(t *tx, from, to int64) (int64, int64, error) {
		numbers, err := t.letterNumbers(c, from, to)
		if err != nil || len(numbers) == 0 {
			return 0, to, err
		}
		for _, number := range numbers {
			if _, err := t.exec(deleteLetter, number); err != nil {
				return 0, 0, err
			}
		}
		return int64(len(numbers)), numbers[len(numbers)-1], nil
	})
}

// inParts calls do with the letters after from, up to the last one that is there now, until it has come to its end. It
// returns how many it has dealt with and the last of them.
func (d *DeadLetters) inParts(
	ctx context.Context, step string, do func(t *tx, from, to int64) (n, last int64, err error),
) (total int64, err error) {
	var from, to int64
	err = d.glance(ctx, step, func(conn *conn) (err error) {
		to, err = conn.number(context.Background(), lastLetter)
		return err
	})
	for err == nil && from < to {
		var n, last int64
		err = d.write(ctx, step, func(t *tx) (err error) {
			n, last, err = do(t, from, to)
			return err
		})
		if err == nil {
			total, from = total+n, last
		}
	}
	return total, err
}

func (t *tx) letters(c condition, from, to int64) (letters []letter, err error) {
	query := "SELECT " + letterColumns + " FROM dead_letters WHERE " + c.String() +
		" AND letter > ? AND letter <= ? ORDER BY letter LIMIT ?"
	err = t.query(context.Background(), query, func(r row) error {
		l, err := readLetter(r)
		letters = append(letters, l)
		return err
	}, append(slices.Clip(c.arguments), from, to, mostAtOnce)...)
	return letters, err
}

func (t *tx) letterNumbers(c condition, from, to int64) (numbers []int64, err error) {
	query := "SELECT letter FROM dead_letters WHERE " + c.String() + " AND letter > ? AND letter <= ? ORDER BY letter LIMIT ?"
	err = t.query(context.Background(), query, func(r row) error {
		numbers = append(numbers, r.int(0))
		return nil
	}, append(slices.Clip(c.arguments), from, to, mostAtOnce)...)
	return numbers, err
}

// retry puts the transaction of a letter back into its queue. Where that has it, as after a crash between the letter and the
// acknowledgement, the letter goes and the queue stays as it is.
func (t *tx) retry(now int64, l *letter) error {
	history, err := l.failures()
	if err != nil {
		return err
	}
	r := &l.record
	encoded, err := json.Marshal(append(history, deadletter.Failure{
		Category: r.Category, Phase: r.Phase, Message: r.Message, FailedAt: r.FailedAt, RetriedAt: timeOf(now),
	}))
	if err != nil {
		return err
	}
	it := item{id: r.ID, metadata: l.metadata, history: string(encoded), payload: orEmpty(l.payload)}
	text, _ := l.metadata.(string)
	it.replan(text)
	if _, err := t.remove(rememberedOnly, l.queue, it.id); err != nil {
		return err
	}
	if err := t.enqueue(l.queue, now, []item{it}); err != nil {
		return err
	}
	_, err = t.exec(deleteLetter, l.number)
	return err
}

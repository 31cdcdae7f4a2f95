package bench

import (
	"cmp"
	"context"
	"time"
)

// Entry is a contestant with the work that it does.
type Entry struct {
	Contestant

	Work Work
	// Items is how many one run processes; 0 lets the comparison choose.
	Items int
}

// Entries gives all contestants the same work.
func Entries(contestants []Contestant, work Work) []Entry {
	entries := make([]Entry, len(contestants))
	for i, c := range contestants {
		entries[i] = Entry{Contestant: c, Work: work}
	}
	return entries
}

// Comparison measures its entries by turns, so that whatever else the machine is doing meets all of them alike. It is used
// by one goroutine.
type Comparison struct {
	entries []Entry
	turns   []turn
	rows    []Row
	rounds  int
}

// turn is what one measurement consists of.
type turn struct{ items, times int }

// Compare prepares a comparison in which one measurement takes about as long as length; it finds out how much fits into
// that, which warms up, too.
func Compare(ctx context.Context, length time.Duration, entries ...Entry) (*Comparison, error) {
	c := &Comparison{entries: entries}
	for _, e := range entries {
		t, err := e.fill(ctx, length)
		if err != nil {
			return nil, err
		}
		c.turns = append(c.turns, t)
		c.rows = append(c.rows, Row{Contestant: e.Contestant})
	}
	return c, nil
}

// Round measures each entry once. The one that comes first is another each time, so that none always comes after the same.
func (c *Comparison) Round(ctx context.Context) error {
	for i := range c.entries {
		i = (i + c.rounds) % len(c.entries)
		figures, err := Measure(ctx, c.entries[i].Contestant, c.turns[i].items, c.turns[i].times, c.entries[i].Work)
		if err != nil {
			return err
		}
		c.rows[i].Rounds = append(c.rows[i].Rounds, figures)
	}
	c.rounds++
	return nil
}

// Rows is what all rounds found, in the order of the entries.
func (c *Comparison) Rows() []Row { return c.rows }

// firstItems is how many items show roughly what one of them takes.
const firstItems = 1_000

func (e Entry) fill(ctx context.Context, length time.Duration) (turn, error) {
	items := cmp.Or(e.Items, firstItems)
	for {
		figures, err := Measure(ctx, e.Contestant, items, 1, e.Work)
		if err != nil {
			return turn{}, err
		}
		took := time.Duration(figures.Wall * float64(items))
		switch {
		case e.Items > 0:
			return turn{items, max(1, int(length/max(took, 1)))}, nil
		case took >= length/4: // long enough for what is constant not to matter
			return turn{max(1, int(float64(length)/figures.Wall)), 1}, nil
		default:
			items *= 4
		}
	}
}

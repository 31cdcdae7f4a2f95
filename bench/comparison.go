package bench

import (
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

// Comparison measures its entries by turns, so that whatever else the machine is doing meets all of them alike.
type Comparison struct {
	// Entries are compared with the first.
	Entries []Entry
	// Rounds is how often each is measured.
	Rounds int
	// Turn is about how long one measurement takes.
	Turn time.Duration
}

// Run measures. Rows are in the order of the entries.
func (c Comparison) Run(ctx context.Context) ([]Row, error) {
	rows, plans := make([]Row, len(c.Entries)), make([]turn, len(c.Entries))
	for i, e := range c.Entries {
		rows[i] = Row{Contestant: e.Contestant, Items: e.Items}
		var err error
		if plans[i], err = e.plan(ctx, c.Turn); err != nil {
			return nil, err
		}
	}
	for round := range c.Rounds {
		for i := range c.Entries {
			i = (i + round) % len(c.Entries) // nobody comes always after the same one
			figures, err := Measure(ctx, c.Entries[i].Contestant, plans[i].items, plans[i].times, c.Entries[i].Work)
			if err != nil {
				return nil, err
			}
			rows[i].Rounds = append(rows[i].Rounds, figures)
		}
	}
	return rows, nil
}

// turn is what one measurement consists of.
type turn struct{ items, times int }

// firstItems is how many items show roughly what one of them takes.
const firstItems = 1_000

// plan finds out how much fits into d, which warms up, too.
func (e Entry) plan(ctx context.Context, d time.Duration) (turn, error) {
	items := e.Items
	if items == 0 {
		items = firstItems
	}
	for {
		figures, err := Measure(ctx, e.Contestant, items, 1, e.Work)
		if err != nil {
			return turn{}, err
		}
		took := time.Duration(figures.Wall * float64(items))
		switch {
		case e.Items > 0:
			return turn{items, max(1, int(d/max(took, 1)))}, nil
		case took >= d/4: // long enough for what is constant not to matter
			return turn{max(1, int(float64(d)/figures.Wall)), 1}, nil
		default:
			items *= 4
		}
	}
}

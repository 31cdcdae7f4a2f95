package connectortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

func letterRules() []rule {
	keeping := []need{dispatches(), letters()}
	return []rule{
		{
			name: "LettersAreListedAsTheyWereWritten", needs: keeping, check: lettersAreListed,
			why: "a dead letter is the only record of a failure. Nobody can find out later what is missing in it.",
		},
		{
			name: "PagesHaveEachLetterOnce", needs: keeping, check: pagesHaveEachOnce,
			why: "all pages together must contain all letters, including those that failed at the same moment.",
		},
		{
			name: "FiltersMatchWhatTheySay", needs: keeping, check: filtersMatch,
			why: "retry and drop use the same filters, so they must select exactly the letters that a list shows.",
		},
		{
			name: "GroupsCountLettersThatLookAlike", needs: keeping, check: groupsCount,
			why: "ten thousand letters often have one or two causes. The groups show them.",
		},
		{
			name: "DropRemovesWhatMatches", needs: keeping, check: dropRemoves,
			why: "a dropped letter cannot be restored, so a drop must remove the selected letters and no others.",
		},
	}
}

func (s *subject) letters() deadletter.Store {
	return as[deadletter.Store](s)
}

func (s *subject) list(filter deadletter.Filter, page deadletter.Page) (all []deadletter.Letter) {
	s.returns("ListDeadLetters", func(ctx context.Context) {
		var err error
		if all, err = s.letters().ListDeadLetters(ctx, filter, page); err != nil {
			s.errorf("ListDeadLetters: %v", err)
		}
	})
	return all
}

func (s *subject) listAll() []deadletter.Letter {
	return s.list(deadletter.Filter{}, deadletter.Page{Limit: 100})
}

// number changes the letter of a number: which differ in what.
type number func(n int, record *deadletter.Record)

// lettersOf returns an open store with n letters, t-1 to t-n, a minute apart, changed.
func (p *probe) lettersOf(n int, change number) *subject {
	made := numbered(n)
	for i := range made {
		made[i] = letterOf(made[i], func(record *deadletter.Record) {
			record.FailedAt = firstFailure().Add(time.Duration(i) * time.Minute)
			if change != nil {
				change(i+1, record)
			}
		})
	}
	s := p.holding()
	s.dispatch(made...)
	return s
}

func letterIDs(all []deadletter.Letter) []string {
	ids := make([]string, len(all))
	for i, letter := range all {
		ids[i] = letter.ID
	}
	return ids
}

func lettersAreListed(p *probe) {
	sent := letterOf(numbered(1)[0], func(record *deadletter.Record) {
		record.Category, record.Phase, record.HandlerFailed, record.HandlerError = ergon.CategoryTimeout, policy.PhaseSuccess, true, "h"
	})
	s := p.holding()
	s.dispatch(sent)
	all := s.listAll()
	if len(all) != 1 {
		p.fatalf("got %d letters, want 1", len(all))
	}
	want, _ := sent.Payload().(deadletter.Record)
	got := all[0]
	if got.Key == "" {
		p.errorf("the letter has no key")
	}
	if g, w := text(ergon.NewTransaction("", got.Payload)), text(ergon.NewTransaction("", want.Payload)); g != w {
		p.errorf("got payload %s, want %s", g, w)
	}
	if !got.FailedAt.Equal(want.FailedAt) || !got.EnqueuedAt.Equal(want.EnqueuedAt) {
		p.errorf("got the times %v and %v, want %v and %v", got.EnqueuedAt, got.FailedAt, want.EnqueuedAt, want.FailedAt)
	}
	for _, record := range []*deadletter.Record{&got.Record, &want} {
		record.Payload, record.FailedAt, record.EnqueuedAt = nil, time.Time{}, time.Time{}
	}
	if g, w := fmt.Sprintf("%+v", got.Record), fmt.Sprintf("%+v", want); g != w {
		p.errorf("got %s\nwant %s", g, w)
	}
	if len(got.History) > 0 || got.Queue != "" {
		p.errorf("a letter from elsewhere, that was never retried, has the history %v and the queue %q", got.History, got.Queue)
	}
}

func pagesHaveEachOnce(p *probe) {
	s := p.lettersOf(7, func(n int, record *deadletter.Record) {
		if n <= 5 { // in the same moment
			record.FailedAt = firstFailure()
		}
	})
	want := letterIDs(s.listAll())
	if len(want) != 7 || want[0] != "t-7" || want[1] != "t-6" {
		p.fatalf("got %s, want all seven, the latest first", shown(want))
	}
	for _, limit := range []int{1, 2, 3, 7, 8} {
		var got []string
		after := ""
		for range 10 {
			page := s.list(deadletter.Filter{}, deadletter.Page{Limit: limit, After: after})
			if len(page) > limit {
				p.fatalf("a page of %d has %d letters", limit, len(page))
			}
			if len(page) == 0 {
				break
			}
			got = append(got, letterIDs(page)...)
			after = page[len(page)-1].Key
		}
		if !slices.Equal(got, want) {
			p.errorf("in pages of %d: got %s, want %s", limit, shown(got), shown(want))
		}
	}
}

// variedLetters differ each in one thing; t-2 is a minute after t-1 and so on.
func (p *probe) variedLetters() *subject {
	return p.lettersOf(5, func(n int, record *deadletter.Record) {
		switch n {
		case 1:
			record.Task = "other"
		case 2:
			record.Phase = policy.PhaseDecode
		case 3:
			record.Category = ergon.CategoryBusiness
		case 4:
			record.Fingerprint = "g"
		}
	})
}

func filtersMatch(p *probe) {
	s := p.variedLetters()
	system, business := ergon.CategorySystem, ergon.CategoryBusiness
	minute := func(n int) time.Time { return firstFailure().Add(time.Duration(n-1) * time.Minute) }
	key := map[string]string{}
	for _, letter := range s.listAll() {
		key[letter.ID] = letter.Key
	}
	for _, c := range []struct {
		what   string
		filter deadletter.Filter
		want   []string
	}{
		{"everything", deadletter.Filter{}, []string{"t-5", "t-4", "t-3", "t-2", "t-1"}},
		{"keys", deadletter.Filter{Keys: []string{key["t-2"], key["t-4"]}}, []string{"t-4", "t-2"}},
		{"a key that there is not", deadletter.Filter{Keys: []string{"no such key"}}, nil},
		{"task", deadletter.Filter{Task: "other"}, []string{"t-1"}},
		{"phase", deadletter.Filter{Phase: policy.PhaseDecode}, []string{"t-2"}},
		{"category", deadletter.Filter{Category: &business}, []string{"t-3"}},
		{"the category that is the zero value", deadletter.Filter{Category: &system}, []string{"t-5", "t-4", "t-2", "t-1"}},
		{"fingerprint", deadletter.Filter{Fingerprint: "g"}, []string{"t-4"}},
		{"since a moment, itself included", deadletter.Filter{FailedAfter: minute(4)}, []string{"t-5", "t-4"}},
		{"since the moment after it", deadletter.Filter{FailedAfter: minute(4).Add(time.Second)}, []string{"t-5"}},
		{"up to a moment, itself included", deadletter.Filter{FailedBefore: minute(2)}, []string{"t-2", "t-1"}},
		{"up to the moment before it", deadletter.Filter{FailedBefore: minute(2).Add(-time.Second)}, []string{"t-1"}},
		{
			"several at once",
			deadletter.Filter{Task: "task", Category: &system, FailedBefore: minute(4), Fingerprint: "f"},
			[]string{"t-2"},
		},
		{"a value with a quote", deadletter.Filter{Task: "' OR '1'='1"}, nil},
	} {
		if got := letterIDs(s.list(c.filter, deadletter.Page{Limit: 100})); !slices.Equal(got, c.want) {
			p.errorf("%s: got %s, want %s", c.what, shown(got), shown(c.want))
		}
	}
}

func groupsCount(p *probe) {
	s := p.lettersOf(6, func(n int, record *deadletter.Record) {
		record.Message = fmt.Sprintf("message %d", n)
		if n%3 == 0 {
			record.Fingerprint = "rare"
		}
	})
	var got []deadletter.Group
	s.returns("GroupDeadLetters", func(ctx context.Context) {
		var err error
		if got, err = s.letters().GroupDeadLetters(ctx, deadletter.Filter{FailedBefore: firstFailure().Add(4 * time.Minute)}); err != nil {
			p.errorf("GroupDeadLetters: %v", err)
		}
	})
	minute := func(n int) time.Time { return firstFailure().Add(time.Duration(n-1) * time.Minute) }
	want := []deadletter.Group{
		{Fingerprint: "f", Message: "message 5", Count: 4, First: minute(1), Last: minute(5)},
		{Fingerprint: "rare", Message: "message 3", Count: 1, First: minute(3), Last: minute(3)},
	}
	if len(got) != len(want) {
		p.fatalf("got %d groups, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		g := got[i]
		if g.Fingerprint != w.Fingerprint || g.Message != w.Message || g.Count != w.Count || !g.First.Equal(w.First) || !g.Last.Equal(w.Last) {
			p.errorf("group %d: got %+v, want %+v", i, g, w)
		}
		if g.Task != "task" || g.Category != ergon.CategorySystem || g.Phase != policy.PhaseProcess {
			p.errorf("group %d: got task %q, %v in %s", i, g.Task, g.Category, g.Phase)
		}
	}
}

func dropRemoves(p *probe) {
	s := p.variedLetters()
	drop := func(filter deadletter.Filter, want int64) {
		s.returns("DropDeadLetters", func(ctx context.Context) {
			if n, err := s.letters().DropDeadLetters(ctx, filter); err != nil || n != want {
				p.errorf("DropDeadLetters: got %d and %v, want %d", n, err, want)
			}
		})
	}
	drop(deadletter.Filter{Task: "no such task"}, 0)
	drop(deadletter.Filter{Fingerprint: "g"}, 1)
	if got, want := letterIDs(s.listAll()), []string{"t-5", "t-3", "t-2", "t-1"}; !slices.Equal(got, want) {
		p.errorf("left are %s, want %s", shown(got), shown(want))
	}
	s.returns("DropDeadLetters", func(ctx context.Context) {
		if n, err := s.letters().DropDeadLetters(ctx, deadletter.Filter{}); !errors.Is(err, deadletter.ErrNothingSelected) || n != 0 {
			p.errorf("DropDeadLetters with an empty filter: got %d and %v, want 0 and deadletter.ErrNothingSelected", n, err)
		}
	})
	if got := letterIDs(s.listAll()); len(got) != 4 {
		p.errorf("after a drop with an empty filter are left %s, want all 4", shown(got))
	}
	drop(deadletter.Filter{All: true}, 4)
	if left := s.listAll(); len(left) > 0 {
		p.errorf("left are %s, want nothing", shown(letterIDs(left)))
	}
}

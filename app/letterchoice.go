package app

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

// letterChoice is which letters something is done to. It never is all of them by accident.
type letterChoice struct {
	letterFlags

	all, yes bool
}

func (f *letterChoice) add(configs *loader, c *cobra.Command) {
	f.letterFlags.add(configs, c)
	f.addConsent(c)
}

func (f *letterChoice) addConsent(c *cobra.Command) {
	c.Flags().BoolVar(&f.all, "all", false, "all of them; needed where neither keys nor a filter choose some")
	c.Flags().BoolVar(&f.yes, "yes", false, "do not ask, on a terminal, where it is more than one")
}

// check refuses a choice that is none, or two.
func (f *letterChoice) check(keys []string) error {
	switch {
	case f.all && len(keys) > 0:
		return usagef("there is the key %q beside --all, which is all of them; leave out one of the two", keys[0])
	case f.all && f.set():
		return usagef("there is a filter beside --all, which is all of them; leave out one of the two")
	case !f.all && !f.set() && len(keys) == 0:
		return usagef("it is not said which dead letters; give their keys, as dlq ls prints them, or a filter such as --category, or --all")
	}
	return nil
}

// consent counts the letters that are chosen and asks, where that is called for, whether to do it to them. What fails from
// now on is not among them: the filter that it returns ends here.
func (f *letterChoice) consent(
	ctx context.Context, out *printer, in letterbox, store deadletter.Store, filter deadletter.Filter, do string,
) (deadletter.Filter, int64, error) {
	filter.All = f.all
	if len(filter.Keys) > 0 {
		if _, err := named(ctx, out.program, in, store, filter); err != nil {
			return filter, 0, fmt.Errorf("%w; %w", err, errDeclined)
		}
	} else if filter.FailedBefore.IsZero() {
		filter.FailedBefore = time.Now()
	}
	n, err := countLetters(ctx, store, filter)
	if err != nil || n < 2 || f.yes {
		return filter, n, err
	}
	return filter, n, out.confirm(ctx, fmt.Sprintf("%s %s dead letters of %s?", do, humanize.Count(n), in))
}

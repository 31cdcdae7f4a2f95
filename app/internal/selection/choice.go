package selection

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

// Choice selects the dead letters of a command that changes them. It never selects all of them by accident.
type Choice struct {
	Flags

	All, Yes bool
}

// Add adds the flags.
func (f *Choice) Add(configs *configuration.Loader, c *cobra.Command) {
	f.Flags.Add(configs, c)
	f.addConsent(c)
}

func (f *Choice) addConsent(c *cobra.Command) {
	c.Flags().BoolVar(&f.All, "all", false, "all of them; required without keys and filters")
	c.Flags().BoolVar(&f.Yes, "yes", false, "do not ask for confirmation")
}

// Check refuses an empty and a contradictory selection.
func (f *Choice) Check(keys []string) error {
	switch {
	case f.All && len(keys) > 0:
		return usage.Errorf("key %q contradicts --all; leave out one of the two", keys[0])
	case f.All && f.IsSet():
		return usage.Errorf("a filter contradicts --all; leave out one of the two")
	case !f.All && !f.IsSet() && len(keys) == 0:
		return usage.Errorf("select the dead letters: --key, a filter such as --category, or --all")
	}
	return nil
}

// Confirm counts the selected dead letters and asks for confirmation if there is more than one. The filter that it returns excludes
// dead letters that are written from now on.
func (f *Choice) Confirm(
	ctx context.Context, out *output.Printer, in Scope, store deadletter.Store, filter deadletter.Filter, do string,
) (deadletter.Filter, int64, error) {
	filter.All = f.All
	if len(filter.Keys) > 0 {
		if _, err := Named(ctx, out.Program, in, store, filter); err != nil {
			return filter, 0, fmt.Errorf("%w; %w", err, output.ErrDeclined)
		}
	} else if filter.FailedBefore.IsZero() {
		filter.FailedBefore = time.Now()
	}
	n, err := deadletters.Count(ctx, store, filter)
	if err != nil || n < 2 || f.Yes {
		return filter, n, err
	}
	return filter, n, out.Confirm(ctx, fmt.Sprintf("%s %s dead letters of %s?", do, humanize.Count(n), in))
}

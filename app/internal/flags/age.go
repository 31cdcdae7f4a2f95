package flags

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ergon-go/ergon/app/internal/usage"
)

const day = 24 * time.Hour

// age is the value of a flag for an age; 0 is none.
type age time.Duration

var _ pflag.Value = (*age)(nil)

// Type is the name of the value in the help.
func (*age) Type() string { return "age" }

func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

func (a *age) Set(value string) error {
	d, err := time.ParseDuration(value)
	if days, ok := strings.CutSuffix(value, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(n, 36_500)) * day
	}
	if err != nil || d <= 0 {
		return errors.New("must be an age such as 90m, 12h or 7d")
	}
	*a = age(d)
	return nil
}

// Window is a period between two ages.
type Window struct{ older, newer age }

// Add adds the flags --older-than and --newer-than. what is what happened then, such as "failed".
func (w *Window) Add(c *cobra.Command, what string) {
	c.Flags().Var(&w.older, "older-than", "only those that "+what+" longer ago, such as 12h or 7d")
	c.Flags().Var(&w.newer, "newer-than", "only those that "+what+" more recently")
}

// Set reports whether a bound is set.
func (w *Window) Set() bool { return w.older != 0 || w.newer != 0 }

// Bounds are the bounds of the period; zero for none.
func (w *Window) Bounds(now time.Time) (after, before time.Time, err error) {
	if w.older != 0 && w.newer != 0 && w.older >= w.newer {
		return after, before, usage.Errorf("nothing is older than %s and newer than %s; --older-than must be the smaller of the two",
			&w.older, &w.newer)
	}
	if w.newer != 0 {
		after = now.Add(-time.Duration(w.newer))
	}
	if w.older != 0 {
		before = now.Add(-time.Duration(w.older))
	}
	return after, before, nil
}

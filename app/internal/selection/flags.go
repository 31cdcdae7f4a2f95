// Package selection is how a user selects dead letters: a store, filters, keys or all, and a confirmation.
package selection

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// Flags are the filters.
type Flags struct {
	Task, Fingerprint string
	Keys              []string
	Category, Phase   flags.Choice
	Failed            flags.Window
}

// Add adds the flags.
func (f *Flags) Add(configs *configuration.Loader, c *cobra.Command) {
	f.Category = flags.OneOf("", ergon.CategorySystem.String(), ergon.CategoryBusiness.String(), ergon.CategoryTimeout.String())
	f.Phase = flags.OneOf("",
		string(policy.PhaseDecode), string(policy.PhaseProcess), string(policy.PhasePrepare), string(policy.PhaseSuccess))
	c.Flags().StringVar(&f.Task, "task", "", "only those of this `task`")
	c.Flags().Var(&f.Category, "category", "only those of this category")
	c.Flags().Var(&f.Phase, "phase", "only those that failed in this phase")
	c.Flags().StringVar(&f.Fingerprint, "fingerprint", "", "only those of this `group`, as "+configs.Program+" dlq groups prints it")
	c.Flags().StringArrayVar(&f.Keys, "key", nil, "the one with this `key`; repeatable")
	f.Failed.Add(c, "failed")
	_ = c.RegisterFlagCompletionFunc("task", configs.CompleteTasks) // fails only for a flag that is not there
	_ = c.RegisterFlagCompletionFunc("category", f.Category.Complete)
	_ = c.RegisterFlagCompletionFunc("phase", f.Phase.Complete)
}

// IsSet reports whether any filter is set.
func (f *Flags) IsSet() bool {
	return f.Task != "" || f.Fingerprint != "" || len(f.Keys) > 0 || f.Category.Value != "" || f.Phase.Value != "" || f.Failed.Set()
}

// Filter is the filter of the flags within a scope.
func (f *Flags) Filter(in Scope) (deadletter.Filter, error) {
	if in.Task != "" && f.Task != "" && f.Task != in.Task {
		return deadletter.Filter{}, usage.Errorf(
			"--task %[2]s contradicts task %[1]s; name the connector, %[3]s, for dead letters of all tasks",
			in.Task, f.Task, in.ConnectorRef)
	}
	filter := deadletter.Filter{Keys: f.Keys, Task: in.Task, Phase: policy.Phase(f.Phase.Value), Fingerprint: f.Fingerprint}
	if f.Task != "" {
		filter.Task = f.Task
	}
	if f.Category.Value != "" {
		filter.Category = new(ergon.Category)
		_ = filter.Category.UnmarshalText([]byte(f.Category.Value)) // one of the choices
	}
	var err error
	filter.FailedAfter, filter.FailedBefore, err = f.Failed.Bounds(time.Now())
	return filter, err
}

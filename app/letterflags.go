package app

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// letterFlags choose dead letters.
type letterFlags struct {
	task, fingerprint string
	keys              []string
	category, phase   choice
	failed            window
}

func (f *letterFlags) add(configs *loader, c *cobra.Command) {
	f.category = oneOf("", ergon.CategorySystem.String(), ergon.CategoryBusiness.String(), ergon.CategoryTimeout.String())
	f.phase = oneOf("", string(policy.PhaseDecode), string(policy.PhaseProcess), string(policy.PhasePrepare), string(policy.PhaseSuccess))
	c.Flags().StringVar(&f.task, "task", "", "those of this `task`")
	c.Flags().Var(&f.category, "category", "those of this category")
	c.Flags().Var(&f.phase, "phase", "those that failed in this phase")
	c.Flags().StringVar(&f.fingerprint, "fingerprint", "", "those of this `group`, as "+configs.program+" dlq groups prints it")
	c.Flags().StringArrayVar(&f.keys, "key", nil, "the one with this `key`; may be given several times")
	f.failed.add(c, "failed")
	_ = c.RegisterFlagCompletionFunc("task", configs.completeTasks) // fails only for a flag that is not there
	_ = c.RegisterFlagCompletionFunc("category", f.category.complete)
	_ = c.RegisterFlagCompletionFunc("phase", f.phase.complete)
}

// set tells whether anything is chosen.
func (f *letterFlags) set() bool {
	return f.task != "" || f.fingerprint != "" || len(f.keys) > 0 || f.category.value != "" || f.phase.value != "" || f.failed.set()
}

// filter is what the flags choose of the letters in a box.
func (f *letterFlags) filter(in letterbox) (deadletter.Filter, error) {
	if in.task != "" && f.task != "" && f.task != in.task {
		return deadletter.Filter{}, usagef("the dead letters of task %s are none of task %s; name the connector, %s, for those of all tasks",
			in.task, f.task, in.place)
	}
	filter := deadletter.Filter{Keys: f.keys, Task: in.task, Phase: policy.Phase(f.phase.value), Fingerprint: f.fingerprint}
	if f.task != "" {
		filter.Task = f.task
	}
	if f.category.value != "" {
		filter.Category = new(ergon.Category)
		_ = filter.Category.UnmarshalText([]byte(f.category.value)) // one of the choices
	}
	var err error
	filter.FailedAfter, filter.FailedBefore, err = f.failed.bounds(time.Now())
	return filter, err
}

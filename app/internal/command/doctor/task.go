package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/check"
	"github.com/ergon-go/ergon/app/internal/machine"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/ask"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/internal/panics"
	"github.com/ergon-go/ergon/runner"
)

// graceOfKubernetes is the default of Kubernetes.
const graceOfKubernetes = 30 * time.Second

// checkTask checks a task and its policies as lint does.
func checkTask(task ergon.TaskConfig) finding {
	f := finding{Status: statusOK, Check: "task", Of: task.Name, Found: task.Kind() + ", fits its connectors and policies"}
	switch err := check.Task(task); {
	case errors.Is(err, check.ErrUnchecked):
		f.Status, f.Found = statusWarn, err.Error()
		f.Cure = "make the constructor of the task work before its connectors are open, or ignore this: run reports what does not fit"
	case err != nil:
		f.Status, f.Found = statusFail, strings.ReplaceAll(err.Error(), "\n", "; ")
		f.Cure = "correct the configuration; lint lists the faults"
	}
	return f
}

// checkShutdown compares the duration of a shutdown with the grace period of the platform, 0 if that is unknown.
func checkShutdown(task ergon.TaskConfig, period time.Duration, m machine.Machine) finding {
	ordinary, bound := task.Shutdown.Grace+task.Shutdown.Force, runner.ShutdownBound(task.Shutdown)
	f := finding{Status: statusOK, Check: "shutdown", Of: task.Name}
	f.Found = fmt.Sprintf("takes up to %s, and %s if everything hangs", ordinary, bound)
	severity := statusFail
	if _, set := m.LookupEnv("KUBERNETES_SERVICE_HOST"); period == 0 && set {
		period, severity = graceOfKubernetes, statusWarn
	}
	if period == 0 {
		f.Found += "; the grace period of the platform is unknown"
		return f
	}
	f.Found += fmt.Sprintf("; the grace period of the platform is %s", period)
	switch {
	case period < ordinary:
		f.Status = severity
	case period < bound:
		f.Status = statusWarn
	default:
		return f
	}
	f.Cure = fmt.Sprintf("set the grace period of the platform to %s (terminationGracePeriodSeconds, TimeoutStopSec), "+
		"or shorten shutdown.grace; transactions of a killed process are processed again", bound)
	return f
}

// checkLease reports the lease of a source. An attempt may take longer: leases are extended.
func checkLease(task ergon.TaskConfig, of string, lease time.Duration) finding {
	c := task.Consumer
	longest := max(c.Process.Retry.Timeout, c.Success.Retry.Timeout, c.Exception.Retry.Timeout)
	f := finding{Status: statusOK, Check: "leases", Of: of}
	f.Found = fmt.Sprintf("last %s and are extended during attempts; an attempt takes up to %s", lease, longest)
	if lease < capability.ShortestLease {
		f.Status = statusFail
		f.Cure = fmt.Sprintf("set the lease to at least %s; a shorter one cannot be extended in time", capability.ShortestLease)
	}
	return f
}

// orUnanswered returns the findings, or a failure if the call of the component failed.
func orUnanswered(what, of string, err error, found func() []finding) []finding {
	if err == nil {
		return found()
	}
	return []finding{{Status: statusFail, Check: what, Of: of, Found: err.Error(), Cure: "correct the " + what + "'s code"}}
}

// checkComponents checks all connectors and services of a task.
func checkComponents(ctx context.Context, task ergon.TaskConfig, timeout time.Duration, m machine.Machine) []finding {
	var all []finding
	for _, part := range []struct {
		what       string
		components map[string]ergon.Component
	}{{"connector", task.Connectors}, {"service", task.Services}} {
		for _, name := range slices.Sorted(maps.Keys(part.components)) {
			component := part.components[name]
			made, err := component.New()
			if err != nil {
				continue // checkTask reports it
			}
			of := task.Name + "/" + name
			all = append(all, reach(ctx, made, finding{Check: part.what, Of: of, Found: component.Type}, timeout))
			source := part.what == "connector" && name == task.Consumer.Fetch.Connector
			if keeper, ok := capability.As[capability.LeaseKeeper](made); ok && source {
				lease, err := ask.For("LeaseDuration", keeper.LeaseDuration)
				all = append(all, orUnanswered(part.what, of, err, func() []finding { return []finding{checkLease(task, of, lease)} })...)
			}
			if storer, ok := capability.As[capability.Storer](made); ok {
				paths, err := ask.For("StoragePaths", storer.StoragePaths)
				all = append(all, orUnanswered(part.what, of, err, func() []finding { return checkStorage(m, of, paths) })...)
			}
		}
	}
	return all
}

// reach probes a component, or opens and closes it if it cannot be probed.
func reach(ctx context.Context, made any, f finding, timeout time.Duration) finding {
	try := open
	if prober, ok := capability.As[capability.Prober](made); ok {
		try = func(ctx context.Context, _ any) error { return prober.Probe(ctx) }
	} else if _, opens := made.(ergon.Opener); !opens {
		f.Status, f.Found = statusOK, f.Found+", nothing to open"
		return f
	}
	start := time.Now()
	err := bounded(ctx, timeout, func(ctx context.Context) error { return try(ctx, made) })
	if err != nil {
		f.Status, f.Found = statusFail, f.Found+": "+err.Error()
		f.Cure = "correct its configuration, or create what it needs; doctor --timeout allows more time"
		return f
	}
	f.Status, f.Found = statusOK, f.Found+", answered in "+humanize.Duration(time.Since(start))
	return f
}

func open(ctx context.Context, made any) error {
	var err error
	if opener, ok := made.(ergon.Opener); ok {
		err = opener.Open(ctx)
	}
	if closer, ok := made.(ergon.Closer); ok {
		err = errors.Join(err, closer.Close(context.WithoutCancel(ctx)))
	}
	return err
}

// bounded calls do with a time limit. It returns at the limit even if do ignores its context; the goroutine of do is then left
// behind until the process ends.
func bounded(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if crash := recover(); crash != nil {
				done <- panics.Of("it", crash, nil)
			}
		}()
		done <- do(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

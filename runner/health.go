package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ergon-go/ergon/capability"
)

const (
	// healthPause is the pause between two checks of one component. It bounds what looking costs a server.
	healthPause = time.Second
	// healthTimeout bounds one check.
	healthTimeout = 5 * time.Second
)

// Unhealthy is a connector or service that cannot be used at the moment.
type Unhealthy struct {
	// Component names it, for instance `connector "input" (queue)`.
	Component string `json:"component"`
	// Problem is the error of its CheckHealth.
	Problem string `json:"problem"`
}

// health asks the components of a worker run for their health while its loop runs.
type health struct {
	checks []*healthCheck
	cancel context.CancelFunc
	asking sync.WaitGroup
}

// healthCheck is one component. Its goroutine asks, and anybody reads the answer.
type healthCheck struct {
	component *component
	checker   capability.HealthChecker
	logger    *slog.Logger

	mu      sync.Mutex // guards problem
	problem string     // of the last check; "" if it was healthy
}

// startHealth begins to ask those of components that are a HealthChecker. stop ends it.
func startHealth(ctx context.Context, components []*component, logger *slog.Logger) *health {
	h := &health{}
	ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, c := range components {
		if checker, checks := capability.As[capability.HealthChecker](c.value); checks {
			check := &healthCheck{component: c, checker: checker, logger: logger}
			h.checks = append(h.checks, check)
			h.asking.Go(func() { check.run(ctx) })
		}
	}
	return h
}

// stop returns when nothing is asked any more, or when a check in progress has been given up.
func (h *health) stop() {
	h.cancel()
	h.asking.Wait()
}

// unhealthy returns the components whose last check failed.
func (h *health) unhealthy() []Unhealthy {
	if h == nil {
		return nil
	}
	var all []Unhealthy
	for _, c := range h.checks {
		c.mu.Lock()
		if c.problem != "" {
			all = append(all, Unhealthy{Component: c.component.String(), Problem: c.problem})
		}
		c.mu.Unlock()
	}
	return all
}

func (c *healthCheck) run(ctx context.Context) {
	timer := time.NewTimer(healthPause)
	defer timer.Stop()
	for {
		c.ask(ctx)
		timer.Reset(healthPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// ask makes one check. If that hangs, the component is unhealthy, and the next check waits until it has returned.
func (c *healthCheck) ask(ctx context.Context) {
	limited, cancel := context.WithTimeoutCause(ctx, healthTimeout, fmt.Errorf("no answer within %s", healthTimeout))
	defer cancel()
	returned := make(chan struct{})
	err := call(limited, openPatience, c.checker.CheckHealth, func() { close(returned) })
	if ctx.Err() != nil {
		return
	}
	c.note(ctx, causeOf(limited, err))
	if errors.Is(err, errGivenUp) {
		select {
		case <-returned:
		case <-ctx.Done():
		}
	}
}

// note keeps the result of a check and logs a change.
func (c *healthCheck) note(ctx context.Context, err error) {
	var problem string
	if err != nil {
		problem = err.Error()
	}
	c.mu.Lock()
	before := c.problem
	c.problem = problem
	c.mu.Unlock()
	switch {
	case before == "" && problem != "":
		c.logger.WarnContext(ctx, "component cannot be used", string(c.component.kind), c.component.name, "error", err)
	case before != "" && problem == "":
		c.logger.InfoContext(ctx, "component can be used again", string(c.component.kind), c.component.name)
	}
}

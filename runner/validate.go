package runner

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/reexec"
	"github.com/ergon-go/ergon/policy"
)

var nameRule = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// validate returns the faults of cfg that can be found before anything is made.
func validate(cfg ergon.TaskConfig, registered []ergon.TaskConfig) error {
	var faults []error
	if !nameRule.MatchString(cfg.Name) {
		faults = append(faults, fmt.Errorf(
			"the name must match %s: a letter, then letters, digits, '_', '.' or '-', at most 64 characters", nameRule))
	}
	if slices.ContainsFunc(registered, func(t ergon.TaskConfig) bool { return t.Name == cfg.Name }) {
		faults = append(faults, errors.New("a task of this name is registered already; give it another name"))
	}
	if err := cfg.ValidateIdentity(); err != nil {
		faults = append(faults, err)
	}
	if i := slices.IndexFunc(registered, func(t ergon.TaskConfig) bool { return t.Identity == cfg.Identity }); i >= 0 && cfg.Identity != "" {
		faults = append(faults, fmt.Errorf("identity: is also that of task %q, so both would make the same ids; give it to one of them",
			registered[i].Name))
	}
	if cfg.New == nil {
		faults = append(faults, errors.New("TaskConfig.New is nil; set it to the function that makes the task"))
	}
	faults = append(faults, unmakeable("connector", cfg.Connectors)...)
	faults = append(faults, unmakeable("service", cfg.Services)...)
	if missing := missingConnectors(cfg); len(missing) > 0 && needsConnectors(cfg) {
		faults = append(faults, missing...)
	}
	faults = append(faults, withKey("consumer", cfg.Consumer.Validate())...)
	faults = append(faults, withKey("producer", cfg.Producer.Validate())...)
	faults = append(faults, withKey("workers", cfg.Workers.Validate())...)
	if cfg.Workers.Isolation == policy.IsolationProcess && !reexec.Supported {
		faults = append(faults, fmt.Errorf("workers.isolation: process, but %w; use goroutine", reexec.ErrUnsupported))
	}
	faults = append(faults, withKey("shutdown", cfg.Shutdown.Validate())...)
	return errors.Join(faults...)
}

func unmakeable(kind string, components map[string]ergon.Component) []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(components)) {
		if components[name].New == nil {
			faults = append(faults, fmt.Errorf("%s %q cannot be made: its Component.New is nil", kind, name))
		}
	}
	return faults
}

// needsConnectors reports whether the task has a consuming loop. If that is not known before the task is made, its connectors are
// checked then.
func needsConnectors(cfg ergon.TaskConfig) bool {
	switch cfg.Kind() {
	case "producer", "custom", "unknown":
		return false
	default:
		return true
	}
}

// missingConnectors returns a fault for each connector that the policy names and the task does not have. Whether a connector has
// the necessary methods is checked when it is made.
func missingConnectors(cfg ergon.TaskConfig) []error {
	var faults []error
	missing := func(key, name, cure string) {
		if _, ok := cfg.Connectors[name]; !ok && name != "" {
			faults = append(faults, fmt.Errorf("%s: connector %q is not configured; configured are %q; %s",
				key, name, slices.Sorted(maps.Keys(cfg.Connectors)), cure))
		}
	}
	missing("consumer.fetch.connector", cfg.Consumer.Fetch.Connector, "add it, or name the connector to fetch from")
	loop := cfg.Consumer.Loop
	if loop.OnException == policy.OnExceptionDeadLetter && loop.DeadLetter != policy.DeadLetterSource {
		missing("consumer.loop.dead_letter", loop.DeadLetter, "add it, or set on_exception to requeue or discard")
	}
	return faults
}

// withKey puts the key of a policy before its faults.
func withKey(key string, err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{fmt.Errorf("%s.%w", key, err)}
	}
	var faults []error
	for _, e := range joined.Unwrap() {
		faults = append(faults, withKey(key, e)...)
	}
	return faults
}

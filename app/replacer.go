package app

import (
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/ask"
)

// takesWork refuses a connector that cannot dispatch, and one whose result is that of a run, which this is not.
func (s *session) takesWork(at place) error {
	connector, err := capable[ergon.Dispatcher](s, at)
	if err != nil {
		return err
	}
	return refuseReplacer(at, connector)
}

// refuseReplacer keeps work from where it could not be seen: see capability.Replacer.
func refuseReplacer(at place, connector any) error {
	replacer, ok := connector.(capability.Replacer)
	if !ok {
		return nil
	}
	replaces, err := ask.For(fmt.Sprintf("ReplacesResult of %T", connector), replacer.ReplacesResult)
	if err != nil {
		return fmt.Errorf("connector %s: %w", at, err)
	}
	if replaces {
		return &usageError{err: fmt.Errorf("connector %s (%s) replaces its result when a run of its task ends, so what is sent to it "+
			"from outside of one would be lost; have it append", at, at.task.Connectors[at.connector].Type)}
	}
	return nil
}

package session

import (
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/ask"
)

// TakesWork refuses a connector that cannot dispatch, and one whose result is that of a run, which this is not.
func (s *Session) TakesWork(at configuration.ConnectorRef) error {
	connector, err := Make[ergon.Dispatcher](s, at)
	if err != nil {
		return err
	}
	return RefuseReplacer(at, connector)
}

// RefuseReplacer refuses a connector that replaces its result at the end of a run: see capability.Replacer.
func RefuseReplacer(at configuration.ConnectorRef, connector any) error {
	replacer, ok := capability.As[capability.Replacer](connector)
	if !ok {
		return nil
	}
	replaces, err := ask.For(fmt.Sprintf("ReplacesResult of %T", connector), replacer.ReplacesResult)
	if err != nil {
		return fmt.Errorf("connector %s: %w", at, err)
	}
	if replaces {
		return &usage.Error{Err: fmt.Errorf("connector %s (%s) replaces its result when a run of its task ends, so transactions that "+
			"another process sends would be lost; configure it to append", at, at.Task.Connectors[at.Connector].Type)}
	}
	return nil
}

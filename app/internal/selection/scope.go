package selection

import (
	"reflect"

	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
)

// Scope is a store of dead letters, or the part of it that belongs to a task.
type Scope struct {
	configuration.ConnectorRef

	Task string // "" for all tasks
}

// Find finds the scope that the first of args names: a task or a connector. Otherwise it is the only store of the configuration. It
// returns the rest of args.
func Find(s *session.Session, args []string) (Scope, []string, error) {
	if len(args) > 0 && s.Config.Knows(args[0]) {
		at, err := s.Config.Find(args[0], configuration.DeadLetters)
		if err != nil {
			return Scope{}, nil, err
		}
		in := Scope{ConnectorRef: at}
		if at.Task.Name == args[0] {
			in.Task = args[0]
		}
		return in, args[1:], nil
	}
	switch found := Stores(s); {
	case len(found) == 1:
		return Scope{ConnectorRef: found[0]}, args, nil
	case len(found) == 0:
		return Scope{}, nil, noStore(s)
	case len(args) > 0:
		_, err := s.Config.Task(args[0])
		return Scope{}, nil, err
	default:
		return Scope{}, nil, usage.Errorf("%d tasks have dead letters; name a task, or a connector for all tasks that use it: %s",
			len(found), configuration.FormatRefs(found))
	}
}

// Stores are the connectors that keep dead letters of tasks for inspection.
func Stores(s *session.Session) []configuration.ConnectorRef {
	var stores []configuration.ConnectorRef
	for _, task := range s.Config.Tasks {
		at, err := configuration.RefTo(task, configuration.DeadLetters(task))
		if err != nil {
			continue
		}
		if _, err := session.Make[deadletter.Store](s, at); err == nil {
			stores = append(stores, at)
		}
	}
	return stores
}

func noStore(s *session.Session) error {
	return usage.Errorf("no task has a connector that keeps dead letters for inspection; %s",
		s.TypesThatCan(reflect.TypeFor[deadletter.Store]()))
}

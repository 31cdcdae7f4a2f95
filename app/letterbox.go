package app

import (
	"reflect"

	"github.com/ergon-go/ergon/deadletter"
)

// letterbox is where dead letters are kept, and whose of them are meant.
type letterbox struct {
	place

	task string // "" for those of all tasks
}

// findLetters finds the dead letters that a user means: those of the task or in the connector that the first of args names,
// otherwise all in the only store there is. It returns the rest of args.
func findLetters(s *session, args []string) (letterbox, []string, error) {
	if len(args) > 0 && s.config.knows(args[0]) {
		at, err := s.config.at(args[0], deadLetters)
		if err != nil {
			return letterbox{}, nil, err
		}
		in := letterbox{place: at}
		if at.task.Name == args[0] {
			in.task = args[0]
		}
		return in, args[1:], nil
	}
	switch found := stores(s); {
	case len(found) == 1:
		return letterbox{place: found[0]}, args, nil
	case len(found) == 0:
		return letterbox{}, nil, noStore(s)
	case len(args) > 0:
		_, err := s.config.task(args[0])
		return letterbox{}, nil, err
	default:
		return letterbox{}, nil, usagef("%d tasks have dead letters; name the task, or the connector for those of all tasks in it: %s",
			len(found), places(found))
	}
}

// stores are the connectors for the dead letters of tasks that can be looked into.
func stores(s *session) []place {
	var stores []place
	for _, task := range s.config.Tasks {
		at, err := placeIn(task, deadLetters(task))
		if err != nil {
			continue
		}
		if _, err := capable[deadletter.Store](s, at); err == nil {
			stores = append(stores, at)
		}
	}
	return stores
}

func noStore(s *session) error {
	return usagef("no task has a connector for its dead letters that keeps them to be looked into; %s",
		s.typesThatCan(reflect.TypeFor[deadletter.Store]()))
}

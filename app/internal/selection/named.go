package selection

import (
	"context"
	"fmt"
	"slices"

	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/suggest"
)

// MissingKeysError is the error of keys without a dead letter.
type MissingKeysError struct{ text string }

func (m *MissingKeysError) Error() string { return m.text }

// Named returns the dead letters with the keys of the filter, in their order, and an error that names missing keys.
func Named(
	ctx context.Context, program string, in Scope, store deadletter.Store, filter deadletter.Filter,
) ([]deadletter.Letter, error) {
	found := map[string]deadletter.Letter{}
	for keys := range slices.Chunk(filter.Keys, deadletters.PageSize) {
		some := filter
		some.Keys = keys
		letters, err := store.ListDeadLetters(ctx, some, deadletter.Page{Limit: len(keys)})
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			found[l.Key] = l
		}
	}
	var letters []deadletter.Letter
	var missing []string
	for _, key := range filter.Keys {
		if l, ok := found[key]; ok {
			letters = append(letters, l)
		} else {
			missing = append(missing, fmt.Sprintf("%q", key))
		}
	}
	if len(missing) > 0 {
		return letters, &MissingKeysError{fmt.Sprintf("%s has no dead letter %s in this selection; %s dlq ls prints the keys",
			in, text.List(missing, "or"), program)}
	}
	return letters, nil
}

// SuggestRef adds the task or connector that a key was probably meant to be to err.
func SuggestRef(s *session.Session, err error, keys []string) error {
	var known []string
	for _, task := range s.Config.Tasks {
		known = append(append(known, task.Name), configuration.RefsIn(task)...)
	}
	for _, key := range keys {
		if meant := suggest.One(key, known); meant != "" && !slices.Contains(known, key) {
			return fmt.Errorf("%w; did you mean %q?", err, meant)
		}
	}
	return err
}

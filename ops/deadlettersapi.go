package ops

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

const (
	pageSize    = 50
	maxPageSize = 500
)

// DeadLetterFilter reads the filter of a query: phase, category, fingerprint, and any number of keys.
func DeadLetterFilter(query url.Values) (deadletter.Filter, error) {
	f := deadletter.Filter{
		Keys: query["key"], Phase: policy.Phase(query.Get("phase")), Fingerprint: query.Get("fingerprint"),
	}
	if word := query.Get("category"); word != "" {
		var category ergon.Category
		if err := category.UnmarshalText([]byte(word)); err != nil {
			return f, refusal(http.StatusBadRequest, "category: %v", err)
		}
		f.Category = &category
	}
	return f, nil
}

func (b *Backend) deadLetterTasksAPI(*http.Request) (any, error) {
	return map[string]any{"tasks": orEmpty(b.DeadLetterTasks())}, nil
}

func (b *Backend) deadLetterGroupsAPI(r *http.Request) (any, error) {
	filter, err := DeadLetterFilter(r.URL.Query())
	if err != nil {
		return nil, err
	}
	groups, err := b.DeadLetterGroups(r.Context(), r.PathValue("task"), filter)
	return map[string]any{"groups": orEmpty(groups)}, err
}

func (b *Backend) listDeadLettersAPI(r *http.Request) (any, error) {
	query := r.URL.Query()
	filter, err := DeadLetterFilter(query)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(query, pageSize, maxPageSize)
	if err != nil {
		return nil, err
	}
	letters, err := b.ListDeadLetters(r.Context(), r.PathValue("task"), filter, deadletter.Page{Limit: limit, After: query.Get("after")})
	return map[string]any{"dead_letters": orEmpty(letters)}, err
}

// selectedDeadLetters is the body of a request that changes dead letters.
type selectedDeadLetters struct {
	Keys        []string     `json:"keys"`
	Fingerprint string       `json:"fingerprint"`
	Phase       policy.Phase `json:"phase"`
	Category    string       `json:"category"`
	All         bool         `json:"all"`
}

// filter refuses to select all dead letters by accident.
func (c selectedDeadLetters) filter() (deadletter.Filter, error) {
	f, err := DeadLetterFilter(url.Values{
		"key": c.Keys, "phase": {string(c.Phase)}, "category": {c.Category}, "fingerprint": {c.Fingerprint},
	})
	some := len(c.Keys) > 0 || c.Phase != "" || c.Category != "" || c.Fingerprint != ""
	switch {
	case err != nil:
		return f, err
	case some == c.All:
		return f, refusal(http.StatusBadRequest,
			"select the dead letters: keys, fingerprint, phase or category; or all: true, but not both")
	default:
		f.All = c.All
		return f, nil
	}
}

func (b *Backend) retryDeadLettersAPI(r *http.Request) (any, error) {
	filter, err := chosen(r)
	if err != nil {
		return nil, err
	}
	return b.RetryDeadLetters(r.Context(), r.PathValue("task"), filter)
}

func (b *Backend) dropDeadLettersAPI(r *http.Request) (any, error) {
	filter, err := chosen(r)
	if err != nil {
		return nil, err
	}
	n, err := b.DropDeadLetters(r.Context(), r.PathValue("task"), filter)
	return map[string]int64{"dropped": n}, err
}

func chosen(r *http.Request) (deadletter.Filter, error) {
	var c selectedDeadLetters
	if err := readJSON(r, &c); err != nil {
		return deadletter.Filter{}, err
	}
	return c.filter()
}

func limitOf(query url.Values, usual, most int) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, refusal(http.StatusBadRequest, "limit: %q must be a number from 1 to %d", text, most)
	}
	return n, nil
}

// orEmpty is [] in JSON, not null.
func orEmpty[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

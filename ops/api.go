package ops

import (
	"net/http"
	"strconv"
	"time"

	"github.com/ergon-go/ergon/observe"
)

const apiPath = "/api/"

// api adds the JSON API.
func (s *Server) api(mux *http.ServeMux) {
	d := s.backend
	for pattern, do := range map[string]func(*http.Request) (any, error){
		"GET /api/v1/overview":                   func(*http.Request) (any, error) { return d.Overview(), nil },
		"GET /api/v1/series":                     d.seriesAPI,
		"GET /api/v1/tasks/{task}":               d.taskAPI,
		"POST /api/v1/tasks/{task}/pause":        d.pauseAPI,
		"POST /api/v1/tasks/{task}/resume":       d.resumeAPI,
		"POST /api/v1/tasks/{task}/concurrency":  d.concurrencyAPI,
		"GET /api/v1/transactions":               d.transactionsAPI,
		"GET /api/v1/transactions/{seq}":         d.transactionAPI,
		"GET /api/v1/dead-letters":               d.deadLetterTasksAPI,
		"GET /api/v1/dead-letters/{task}":        d.listDeadLettersAPI,
		"GET /api/v1/dead-letters/{task}/groups": d.deadLetterGroupsAPI,
		"POST /api/v1/dead-letters/{task}/retry": d.retryDeadLettersAPI,
		"POST /api/v1/dead-letters/{task}/drop":  d.dropDeadLettersAPI,
		"GET /api/v1/configuration":              d.configurationAPI,
	} {
		mux.Handle(pattern, asked(do))
	}
	mux.Handle("GET /api/v1/events", s.Stream(func(*http.Request) (func(*Events) error, error) {
		return func(e *Events) error {
			d.Watch()
			return e.Send("overview", d.Overview())
		}, nil
	}))
	mux.HandleFunc(apiPath, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, http.StatusNotFound, "unknown endpoint: "+r.Method+" "+r.URL.Path+"; see docs/operations.md")
	})
}

func (b *Backend) taskAPI(r *http.Request) (any, error) { return b.KnownTask(r.PathValue("task")) }

// KnownTask is Task. Its error lists the tasks.
func (b *Backend) KnownTask(name string) (TaskView, error) {
	t, ok := b.Task(name)
	if !ok {
		var names []string
		for _, known := range b.settings.Tasks.Tasks() {
			names = append(names, known.Name)
		}
		return t, refusal(http.StatusNotFound, "unknown task %q; known tasks: %q", name, names)
	}
	return t, nil
}

func (b *Backend) seriesAPI(r *http.Request) (any, error) {
	window, err := WindowOf(r.URL.Query().Get("window"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"points": orEmpty(b.Series(r.URL.Query().Get("task"), window))}, nil
}

// WindowOf parses a window of time; "" means five minutes.
func WindowOf(text string) (time.Duration, error) {
	if text == "" {
		return 5 * time.Minute, nil
	}
	window, err := time.ParseDuration(text)
	if err != nil || window < time.Minute || window > time.Hour {
		return 0, refusal(http.StatusBadRequest, "window: %q must be a duration from 1m to 1h, such as 5m", text)
	}
	return window, nil
}

func (b *Backend) pauseAPI(r *http.Request) (any, error) {
	if err := b.Pause(r.Context(), r.PathValue("task")); err != nil {
		return nil, err
	}
	return b.taskAPI(r)
}

func (b *Backend) resumeAPI(r *http.Request) (any, error) {
	if err := b.Resume(r.Context(), r.PathValue("task")); err != nil {
		return nil, err
	}
	return b.taskAPI(r)
}

func (b *Backend) concurrencyAPI(r *http.Request) (any, error) {
	var body struct {
		Value int `json:"value"`
	}
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	if err := b.SetConcurrency(r.Context(), r.PathValue("task"), body.Value); err != nil {
		return nil, err
	}
	return b.taskAPI(r)
}

const maxTransactions = 2 * observe.Capacity

func (b *Backend) transactionsAPI(r *http.Request) (any, error) {
	b.Watch()
	query := r.URL.Query()
	limit, err := limitOf(query, 100, maxTransactions)
	if err != nil {
		return nil, err
	}
	q := observe.Query{Task: query.Get("task"), Outcome: query.Get("outcome"), Text: query.Get("q"), Limit: limit}
	return map[string]any{"transactions": orEmpty(b.Transactions(q))}, nil
}

func (b *Backend) transactionAPI(r *http.Request) (any, error) {
	return b.KnownTransaction(r.PathValue("seq"))
}

// KnownTransaction is Transaction with the number as text. Its error gives the reason.
func (b *Backend) KnownTransaction(number string) (observe.Transaction, error) {
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return observe.Transaction{}, refusal(http.StatusNotFound, "%q is not the number of a recorded transaction", number)
	}
	t, found := b.Transaction(seq)
	if !found {
		return t, refusal(http.StatusNotFound, "transaction no. %d is not recorded; only the last %d of each kind are",
			seq, observe.Capacity)
	}
	return t, nil
}

func (b *Backend) configurationAPI(*http.Request) (any, error) {
	text, err := b.Configuration("")
	return map[string]string{"yaml": text}, err
}

package console

import (
	"net/http"
	"time"

	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/ops"
)

// windows are what charts can show.
var windows = []string{"5m", "15m", "1h"} //nolint:gochecknoglobals // Go has no constants of this kind

func (c *console) overview(r *http.Request) (page, error) {
	chosen, window, err := windowOf(r)
	if err != nil {
		return page{}, err
	}
	o := c.backend.Overview()
	return page{
		Title: "Overview", Nav: "overview", Body: "overview",
		Live: []string{statusPart, "overview/figures", "charts", "overview/tasks", "overview/workers"},
		Data: struct {
			ops.Overview

			Charts  []chart
			Window  string
			Windows []string
		}{o, c.charts("", window), chosen, windows},
	}, nil
}

func windowOf(r *http.Request) (chosen string, window time.Duration, err error) {
	if chosen = r.URL.Query().Get("window"); chosen == "" {
		chosen = windows[0]
	}
	window, err = ops.WindowOf(chosen)
	return chosen, window, err
}

func (c *console) task(r *http.Request) (page, error) {
	t, err := c.backend.KnownTask(r.PathValue("task"))
	if err != nil {
		return page{}, err
	}
	chosen, window, err := windowOf(r)
	if err != nil {
		return page{}, err
	}
	policy, err := c.backend.Configuration(t.Name)
	if err != nil {
		return page{}, err
	}
	return page{
		Title: t.Name, Nav: "overview", Body: "task",
		Live: []string{statusPart, "task/state", "task/lifecycle", "task/figures", "charts", "task/recent"},
		Data: struct {
			ops.TaskView

			Drawings  []drawing
			Charts    []chart
			Window    string
			Windows   []string
			Policy    string
			Recent    []observe.Transaction
			MayChange bool
		}{
			t, lifecycle(t), c.charts(t.Name, window), chosen, windows, policy,
			c.backend.Transactions(observe.Query{Task: t.Name, Limit: 8}), c.server.MayChange(r),
		},
	}, nil
}

// shownTransactions is how many of the recorded ones are on a page.
const shownTransactions = 100

func (c *console) transactions(r *http.Request) (page, error) {
	query := r.URL.Query()
	q := observe.Query{Task: query.Get("task"), Outcome: query.Get("outcome"), Text: query.Get("q"), Limit: shownTransactions}
	var tasks []string
	for _, t := range c.backend.Overview().Tasks {
		tasks = append(tasks, t.Name)
	}
	return page{
		Title: "Transactions", Nav: "transactions", Body: "transactions", Live: []string{statusPart, "transactions/list"},
		Data: struct {
			Query    observe.Query
			Tasks    []string
			Outcomes []string
			Found    []observe.Transaction
			Filtered bool
		}{q, tasks, outcomes, c.backend.Transactions(q), q.Task+q.Outcome+q.Text != ""},
	}, nil
}

// outcomes are what can be filtered by.
var outcomes = []string{ //nolint:gochecknoglobals // Go has no constants of this kind
	outcomeSucceeded, "dead_lettered", outcomeRequeued, "discarded", "handler_failed", "interrupted", "redelivered", outcomeFailed,
}

func (c *console) transaction(r *http.Request) (page, error) {
	t, err := c.backend.KnownTransaction(r.PathValue("seq"))
	if err != nil {
		return page{}, err
	}
	return page{
		Title: t.ID, Nav: "transactions", Body: "transaction",
		Data: struct {
			observe.Transaction

			Bars          []bar
			ShowsPayloads bool
		}{t, waterfall(t), c.backend.ShowsPayloads()},
	}, nil
}

func (c *console) configuration(*http.Request) (page, error) {
	text, err := c.backend.Configuration("")
	return page{Title: "Configuration", Nav: "configuration", Body: "configuration", Data: text}, err
}

func (c *console) token(r *http.Request) (page, error) {
	return page{Title: "Token", Nav: signInNav, Body: "token", Data: struct{ Needed, Known, MayRead, Wrong bool }{
		c.backend.NeedsToken(), c.server.MayChange(r), c.server.MayRead(r), r.URL.Query().Has("wrong"),
	}}, nil
}

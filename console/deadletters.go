package console

import (
	"net/http"
	"net/url"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/ops"
)

// pageSize is how many dead letters are on a page.
const pageSize = 50

// taskDeadLetters is a task with its dead letters in groups.
type taskDeadLetters struct {
	Task   string
	Groups []deadletter.Group
	Total  int64
	Err    error
}

func (c *console) deadLetterTasks(r *http.Request) (page, error) {
	var tasks []taskDeadLetters
	for _, name := range c.backend.DeadLetterTasks() {
		t := taskDeadLetters{Task: name}
		t.Groups, t.Err = c.backend.DeadLetterGroups(r.Context(), name, deadletter.Filter{})
		for _, g := range t.Groups {
			t.Total += g.Count
		}
		tasks = append(tasks, t)
	}
	return page{Title: "Dead letters", Nav: deadLettersNav, Body: "lettertasks", Live: []string{statusPart}, Data: tasks}, nil
}

func (c *console) letters(r *http.Request) (page, error) {
	task, query := r.PathValue("task"), r.URL.Query()
	filter, err := ops.DeadLetterFilter(query)
	if err != nil {
		return page{}, err
	}
	groups, err := c.backend.DeadLetterGroups(r.Context(), task, deadletter.Filter{})
	if err != nil {
		return page{}, err
	}
	letters, err := c.backend.ListDeadLetters(r.Context(), task, filter, deadletter.Page{Limit: pageSize, After: query.Get("after")})
	if err != nil {
		return page{}, err
	}
	data := struct {
		Task, Fingerprint string
		Groups            []deadletter.Group
		Letters           []deadletter.Letter
		Total, Matching   int64
		Next              string
		MayChange         bool
	}{Task: task, Fingerprint: filter.Fingerprint, Groups: groups, Letters: letters, MayChange: c.server.MayChange(r)}
	for _, g := range groups {
		data.Total += g.Count
		if filter.Fingerprint == "" || filter.Fingerprint == g.Fingerprint {
			data.Matching += g.Count
		}
	}
	if len(letters) == pageSize {
		query.Set("after", letters[len(letters)-1].Key)
		data.Next = "?" + query.Encode()
	}
	return page{Title: "Dead letters of " + task, Nav: deadLettersNav, Body: "letters", Live: []string{statusPart}, Data: data}, nil
}

func (c *console) letter(r *http.Request) (page, error) {
	task, key := r.PathValue("task"), r.URL.Query().Get("key")
	letters, err := c.backend.ListDeadLetters(r.Context(), task, deadletter.Filter{Keys: []string{key}}, deadletter.Page{Limit: 1})
	if err != nil {
		return page{}, err
	}
	if len(letters) == 0 {
		return page{}, &ops.Refusal{Status: http.StatusNotFound, Text: "This dead letter no longer exists: it was requeued or dropped."}
	}
	return page{Title: letters[0].ID, Nav: deadLettersNav, Body: "letter", Live: []string{statusPart}, Data: struct {
		deadletter.Letter

		Of                       string
		ShowsPayloads, MayChange bool
	}{letters[0], task, c.backend.ShowsPayloads(), c.server.MayChange(r)}}, nil
}

// confirm asks before dead letters are dropped, or many retried.
func (c *console) confirm(r *http.Request) (page, error) {
	task, query := r.PathValue("task"), r.URL.Query()
	filter, err := ops.DeadLetterFilter(query)
	if err != nil {
		return page{}, err
	}
	groups, err := c.backend.DeadLetterGroups(r.Context(), task, filter)
	if err != nil {
		return page{}, err
	}
	data := struct {
		Task, Do, Fingerprint string
		Keys                  []string
		All                   bool
		Count                 int64
	}{task, "retry", filter.Fingerprint, filter.Keys, len(filter.Keys) == 0 && filter.Fingerprint == "", 0}
	if query.Get("do") == "drop" {
		data.Do = "drop"
	}
	for _, g := range groups {
		data.Count += g.Count
	}
	return page{Title: "Are you sure?", Nav: deadLettersNav, Body: "confirm", Live: []string{statusPart}, Data: data}, nil
}

// deadLettersPath is where a task's dead letters are.
func deadLettersPath(task string) string { return "/dead-letters/" + url.PathEscape(task) }

package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/ops"
)

// changeTask does what a form asks for, and shows the task.
func (c *console) changeTask(w http.ResponseWriter, r *http.Request) {
	task := r.PathValue("task")
	var (
		done string
		err  error
	)
	switch change := r.PathValue("change"); change {
	case "pause":
		done, err = "Paused: no more transactions are fetched; those in flight are finished.", c.backend.Pause(r.Context(), task)
	case "resume":
		done, err = "Resumed.", c.backend.Resume(r.Context(), task)
	case "concurrency":
		n, wrong := strconv.Atoi(r.FormValue("value"))
		if wrong != nil {
			err = &ops.Refusal{Status: http.StatusBadRequest, Text: fmt.Sprintf("The concurrency %q is not a number.", r.FormValue("value"))}
			break
		}
		done = fmt.Sprintf("The concurrency of each worker is %s until the program ends.", humanize.Count(n))
		err = c.backend.SetConcurrency(r.Context(), task, n)
	default:
		err = &ops.Refusal{Status: http.StatusNotFound, Text: "Unknown action: " + change}
	}
	c.after(w, r, "/tasks/"+url.PathEscape(task), said(done), err)
}

// changeDeadLetters does what a form asks for, after it has asked where that cannot be undone.
func (c *console) changeDeadLetters(w http.ResponseWriter, r *http.Request) {
	task, do := r.PathValue("task"), r.PathValue("change")
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, &ops.Refusal{Status: http.StatusBadRequest, Text: "The form is invalid."})
		return
	}
	filter := deadletter.Filter{Keys: r.PostForm["key"], Fingerprint: r.PostForm.Get("fingerprint")}
	one, some := len(filter.Keys) == 1, len(filter.Keys) > 0 || filter.Fingerprint != ""
	switch all := r.PostForm.Get("all") != ""; {
	case some == all:
		c.after(w, r, deadLettersPath(task), said("No dead letters were selected."), nil)
	case r.PostForm.Get("sure") == "" && (do == "drop" || !one):
		ask := url.Values{"do": {do}, "key": filter.Keys}
		if filter.Fingerprint != "" {
			ask.Set("fingerprint", filter.Fingerprint)
		}
		c.after(w, r, deadLettersPath(task)+"/confirm", ask, nil)
	default:
		done, err := c.dispose(r, task, do, filter)
		c.after(w, r, deadLettersPath(task), said(done), err)
	}
}

// dispose retries or drops dead letters and says what became of them.
func (c *console) dispose(r *http.Request, task, do string, filter deadletter.Filter) (string, error) {
	switch do {
	case "retry":
		done, err := c.backend.RetryDeadLetters(r.Context(), task, filter)
		text := "Requeued " + countText(done.Retried) + "."
		if done.Left > 0 {
			text += fmt.Sprintf(" %s left: %s", countText(done.Left), done.Reason)
		}
		return text, err
	case "drop":
		n, err := c.backend.DropDeadLetters(r.Context(), task, filter)
		return "Dropped " + countText(n) + ".", err
	default:
		return "", &ops.Refusal{Status: http.StatusNotFound, Text: "Unknown action: " + do}
	}
}

func countText(n int64) string {
	if n == 1 {
		return "1 dead letter"
	}
	return humanize.Count(n) + " dead letters"
}

// said has a page say what was done.
func said(done string) url.Values { return url.Values{"done": {done}} }

// after goes to another page when something was done, so that reloading it does nothing again.
func (c *console) after(w http.ResponseWriter, r *http.Request, to string, query url.Values, err error) {
	if err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, to+"?"+query.Encode(), http.StatusSeeOther) //nolint:gosec // a path of ours, what is variable escaped
}

package console_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/console"
	"github.com/ergon-go/ergon/observe"
)

// parts reads live parts of a page until one has that id, and returns it.
func (v *visit) parts(lines *bufio.Scanner, id string) string {
	v.t.Helper()
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var part struct {
			ID   string `json:"id"`
			HTML string `json:"html"`
		}
		if ok && json.Unmarshal([]byte(data), &part) == nil && part.ID == id {
			return part.HTML
		}
	}
	v.t.Fatalf("the stream ended before %s came: %v", id, lines.Err())
	return ""
}

func TestPartsOfAPageComeAgainWhenTheyHaveChanged(t *testing.T) {
	v := open(t, nil)
	at := "/events?at=" + url.QueryEscape("/transactions?outcome=succeeded")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+at, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("content type %q", kind)
	}
	lines := bufio.NewScanner(response.Body)
	want(t, v.parts(lines, "part-transactions-list"), "No recorded transaction matches")
	v.recorder.Add(observe.Transaction{ID: "new " + hostile, Task: "triage", Outcome: "succeeded"})
	want(t, v.parts(lines, "part-transactions-list"), "new &lt;img")
}

func TestOnlyPagesHaveParts(t *testing.T) {
	v := open(t, nil)
	for _, at := range []string{"", "https://evil.example/", "transactions"} {
		v.get("/events?at="+url.QueryEscape(at), http.StatusBadRequest)
	}
	for _, at := range []string{"/nothing", "/assets/console.css"} { // the stream ends at once
		if text := v.get("/events?at="+at, http.StatusOK); strings.Contains(text, "data:") {
			t.Errorf("got %q", text)
		}
	}
}

// The page and all that it loads: no build step keeps it small, so this does.
func TestAssetsAreSmall(t *testing.T) {
	v := open(t, nil)
	total := len(v.get("/", http.StatusOK))
	for _, asset := range []string{"console.css", "console.js", "theme.js", "icon.svg"} {
		total += len(v.get("/assets/"+asset, http.StatusOK))
	}
	if total > 60_000 {
		t.Errorf("%d bytes, want 60,000 at most", total)
	}
}

func TestRatesAndScalesAreWrittenForPeople(t *testing.T) {
	for got, want := range map[string]string{
		console.Rate(0.004): "0", console.Rate(0.25): "0.25", console.Rate(9.96): "10", console.Rate(12345.6): "12,346",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for v, want := range map[float64]float64{0: 2, 0.3: 0.4, 1: 2, 2: 2, 3: 4, 4.1: 10, 11: 20, 250: 400, 401: 1000} {
		if got := console.RoundUp(v); got != want {
			t.Errorf("the scale for %v is %v, want %v", v, got, want)
		}
	}
}

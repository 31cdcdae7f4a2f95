package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const pausing = `
ops: {listen: "127.0.0.1:0"}
tasks:
  note:
    task: exec
    settings: {argv: [sh, -c, 'echo "$ERGON_TRANSACTION_ID" >> ran.txt']}
    connectors:
      input: {type: queue, path: q.db, max_wait: 20s}
      dead_letters: {type: dead-letters, path: q.db}
    consumer:
      fetch: {retry: {timeout: 30s}}
`

// start starts a script of a sandbox, and returns the address that it serves on and how to stop it. A test that fails kills it.
func (s sandbox) start(name string, arguments ...string) (url string, stop func()) {
	s.Helper()
	ctx, kill := context.WithTimeout(context.WithoutCancel(s.Context()), time.Minute)
	s.Cleanup(kill)
	c := exec.CommandContext(ctx, s.folder+"/"+name, arguments...)
	c.Dir = s.folder
	log, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	rest := func() {
		for lines.Scan() {
		}
		_ = c.Wait() // its exit code is looked at
	}
	s.Cleanup(func() { kill(); rest() })
	for lines.Scan() {
		var line struct {
			URL string `json:"url"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.URL != "" {
			return line.URL, func() {
				if err := c.Process.Signal(syscall.SIGTERM); err != nil {
					s.Fatal(err)
				}
				rest()
				if code := c.ProcessState.ExitCode(); code != 143 {
					s.Errorf("after SIGTERM it ended with %d, want 143", code)
				}
			}
		}
	}
	s.Fatalf("%s %v served nothing", name, arguments)
	return "", nil
}

func (s sandbox) post(url string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, url, http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s", url, answer.Status)
	}
}

// ready is how many the queue of the task has ready.
func (s sandbox) ready() int64 {
	s.Helper()
	var read struct {
		Queues []counts `json:"queues"`
	}
	if err := json.Unmarshal([]byte(s.sh(0, `note-it queue stats note/input --output json`)), &read); err != nil || len(read.Queues) != 1 {
		s.Fatalf("the queue is not to be seen: %v", err)
	}
	return read.Queues[0].Ready
}

// A task that was paused by a request runs nothing from the answer on: the fetch that waited at an empty queue ends, and what
// arrives afterwards stays there until the task is resumed.
func TestPausedByARequestIsPaused(t *testing.T) {
	s := newSandbox(t, "note-it", pausing)
	url, stop := s.start("note-it", "run", "--log-format", "json")
	s.post(url + "api/v1/tasks/note/pause")
	s.sh(0, `for i in 1 2 3 4 5 6 7 8; do echo "{\"id\":\"p$i\",\"payload\":$i}"; done > in.jsonl
note-it enqueue note --envelope --file in.jsonl`)
	for range 30 { // each look starts a program; a fetch that still waited would have seen them within 50 ms
		if ready := s.ready(); ready != 8 {
			t.Fatalf("the queue of a paused task has %d ready, want 8", ready)
		}
	}
	if _, err := os.Stat(s.folder + "/ran.txt"); err == nil {
		t.Error("a paused task ran something")
	}
	s.post(url + "api/v1/tasks/note/resume")
	for s.ready() > 0 && t.Context().Err() == nil {
	}
	stop()
}

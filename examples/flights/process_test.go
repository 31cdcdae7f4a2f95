package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/examples/flights"
)

// process is the program in a process of its own. What it logs is read as it comes, so that a test knows how far it is;
// what nobody reads stops it, as a pipe has little room.
type process struct {
	*exec.Cmd

	log    *bufio.Scanner
	stdout bytes.Buffer
}

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "flights.exe")
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return binary
}

// start starts the job in a working directory. Each transaction is logged where it has to be known how far the job is.
func start(t *testing.T, binary, folder, level string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, binary, "run", "--in-order", "--log-format", "json", "--log-level", level)}
	p.Dir, p.Stdout = folder, &p.stdout
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.log = bufio.NewScanner(stderr)
	return p
}

// reach waits until n log lines of a task have a text; false where the log ends before.
func (p *process) reach(task, text string, n int) bool {
	for n > 0 && p.log.Scan() {
		if line := p.log.Text(); strings.Contains(line, `"task":"`+task+`"`) && strings.Contains(line, text) {
			n--
		}
	}
	return n == 0
}

// kill has the system end it at once, in the middle of whatever it is doing. Its workers have to end by themselves: the log
// continues for as long as one of them is there.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for p.log.Scan() {
		continue
	}
	if err := p.Wait(); err == nil {
		t.Fatal("it had ended by itself before it was killed")
	}
}

// killWorker kills one of its workers, and returns whether there was one. Where the system does not tell who they are, there
// is none.
func (p *process) killWorker(t *testing.T) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		for pid := range strings.FieldsSeq(string(text)) {
			number, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			if worker, err := os.FindProcess(number); err == nil && worker.Kill() == nil {
				return true
			}
		}
	}
	return false
}

// finish waits for the end of a run that is to succeed, and returns what it printed.
func (p *process) finish(t *testing.T) string {
	t.Helper()
	var last []string
	for p.log.Scan() {
		if last = append(last, p.log.Text()); len(last) > 20 {
			last = last[1:]
		}
	}
	if err := p.Wait(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, strings.Join(last, "\n"), p.stdout.String())
	}
	return p.stdout.String()
}

// wantAll wants a claim for each late flight, once, in the order of departure.
func wantAll(t *testing.T, folder string) {
	t.Helper()
	all, err := flights()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for i, f := range all {
		if f.Delay > 60 {
			want = append(want, fmt.Sprintf("%s flight-%05d %d", strings.ReplaceAll(f.Date, "/", "-"), i+1, f.Delay))
		}
	}
	slices.Sort(want)
	text, err := os.ReadFile(filepath.Join(folder, "out", "claims.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var c main.Claim
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		got = append(got, fmt.Sprintf("%s %s %d", c.Departure, c.Flight, c.DelayMinutes))
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 1_089 {
		t.Errorf("%d claims, want 1089 (-want +got):\n%s", len(got), diff)
	}
}

// journalled is how many lines the ledger's journal has: more than claims only where an export was killed.
func journalled(t *testing.T, folder string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "out", "claims.jsonl.journal"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}

const settled = "transaction settled"

// [B3] [E2] What happens between the queues happens once, whoever is killed.
func TestProcess(t *testing.T) {
	binary := build(t)

	t.Run("run as the README says, it tells what it has done, and has nothing left to do", func(t *testing.T) {
		folder := t.TempDir()
		first := start(t, binary, folder, "info").finish(t)
		wantAll(t, folder)
		text := strings.Join(strings.Fields(first), " ")
		for _, want := range []string{
			"fetched 20,000 succeeded 20,000", "fetched 1,089 succeeded 1,089",
			filepath.Join("out", "claims.jsonl") + ": 1089 claims, from 2001-01-01 00:47 to 2001-03-31 ",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("got %q, want %q in it", text, want)
			}
		}
		start(t, binary, folder, "info").finish(t)
		wantAll(t, folder)
		if n := journalled(t, folder); n != 1_089 {
			t.Errorf("the second run has exported again: %d lines, want 1089", n)
		}
	})

	t.Run("killed at any moment, and started again, it ends with each claim once", func(t *testing.T) {
		folder := t.TempDir()
		for _, at := range []struct {
			task, text string
			most       int
		}{{"ingest", "transaction ended", 20_000}, {"claims", settled, 10_000}} {
			n := 1 + rand.IntN(at.most)
			t.Logf("killed when %d of %s are done", n, at.task)
			if p := start(t, binary, folder, "debug"); p.reach(at.task, at.text, n) {
				p.kill(t)
			} else {
				p.finish(t) // there was not that much left
			}
		}
		p := start(t, binary, folder, "debug")
		for range 3 {
			n := 1 + rand.IntN(2_000)
			t.Logf("a worker killed after %d more: %v", n, p.reach("claims", settled, n) && p.killWorker(t))
		}
		n := 1 + rand.IntN(1_000)
		t.Logf("killed when %d of export are done", n)
		if p.reach("export", settled, n) {
			p.kill(t)
		} else {
			p.finish(t) // there was not that much left
		}
		start(t, binary, folder, "info").finish(t)
		wantAll(t, folder)
	})
}

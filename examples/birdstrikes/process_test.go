package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
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
	binary := filepath.Join(t.TempDir(), "birdstrikes.exe")
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return binary
}

// start starts the program's job in a working directory of its own.
func start(t *testing.T, binary, folder string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, binary, "run", "--output", "json", "--log-level", "debug")}
	p.Dir = folder
	p.Stdout = &p.stdout
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

// settled waits until the n-th transaction is settled.
func (p *process) settled(t *testing.T, n int) {
	t.Helper()
	for p.log.Scan() {
		if strings.Contains(p.log.Text(), "transaction settled") {
			n--
		}
		if n == 0 {
			return
		}
	}
	t.Fatalf("the log ended with %d transactions still to be settled", n)
}

// kill has the system end it at once, in the middle of whatever it is doing.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for p.log.Scan() {
		continue // until its end of the pipe is closed
	}
	if err := p.Wait(); err == nil {
		t.Fatal("it had ended by itself before it was killed")
	}
}

// summary is what a run says of itself.
type summary struct {
	Fetched  int            `json:"fetched"`
	Outcomes map[string]int `json:"outcomes"`
}

// ended is how many transactions were brought to an end.
func (s summary) ended() int { return s.Outcomes["succeeded"] + s.Outcomes["dead_lettered"] }

// end waits for the end and returns the exit code.
func (p *process) end(t *testing.T) (summary, int) {
	t.Helper()
	for p.log.Scan() {
		continue
	}
	err := p.Wait()
	var document struct {
		Tasks []summary `json:"tasks"`
	}
	if decoding := json.Unmarshal(p.stdout.Bytes(), &document); decoding != nil || len(document.Tasks) != 1 {
		t.Fatalf("%v, %v: %s", err, decoding, p.stdout.String())
	}
	return document.Tasks[0], p.ProcessState.ExitCode()
}

// finish runs the job to its end.
func finish(t *testing.T, binary, folder string) summary {
	t.Helper()
	got, code := start(t, binary, folder).end(t)
	if code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	return got
}

// begun reports whether a checkpoint has got beyond the first record, which is on line 2; it is written before that is delivered.
func begun(t *testing.T, checkpoint string) bool {
	t.Helper()
	content, err := os.ReadFile(checkpoint)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil && !bytes.Contains(content, []byte(`"line":2,`))
}

func TestProcess(t *testing.T) {
	binary := build(t)

	t.Run("killed again and again, it still covers every record", func(t *testing.T) {
		folder := t.TempDir()
		for _, n := range []int{1, 300, 1500, 2500} {
			p := start(t, binary, folder)
			p.settled(t, n)
			p.kill(t)
		}
		finish(t, binary, folder)
		everything(t, filepath.Join(folder, "out"))
	})

	t.Run("killed, it goes on where its checkpoint says", func(t *testing.T) {
		folder := t.TempDir()
		p := start(t, binary, folder)
		for checkpoint := filepath.Join(folder, "out", "birdstrikes.checkpoint"); !begun(t, checkpoint); {
			p.settled(t, 1)
		}
		p.kill(t)
		if got := finish(t, binary, folder); got.Fetched >= 10_000 {
			t.Errorf("fetched %d, want less than everything", got.Fetched)
		}
		everything(t, filepath.Join(folder, "out"))
	})

	t.Run("stopped by SIGTERM, it finishes what runs, and later the rest", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("a process cannot be sent SIGTERM there")
		}
		folder := t.TempDir()
		p := start(t, binary, folder)
		p.settled(t, 1000)
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		first, code := p.end(t)
		if code != 143 || first.Fetched < 1000 || first.Fetched >= 10_000 {
			t.Errorf("exit code %d, fetched %d; want 143 and a part of everything", code, first.Fetched)
		}
		// Reports that waited for another attempt were requeued, so the checkpoint is before the first of them.
		second := finish(t, binary, folder)
		if second.Fetched >= 10_000 || first.ended()+second.ended() < 10_000 {
			t.Errorf("fetched %d, finished %d and %d; want less than everything, and all of it together",
				second.Fetched, first.ended(), second.ended())
		}
		everything(t, filepath.Join(folder, "out"))
	})

	t.Run("run as the README says, it tells what it has done and where the results are", func(t *testing.T) {
		command := exec.CommandContext(t.Context(), binary, "run")
		command.Dir = t.TempDir()
		var stderr strings.Builder
		command.Stderr = &stderr
		stdout, err := command.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		text := strings.Join(strings.Fields(string(stdout)), " ")
		wants := []string{
			"fetched 10,000 succeeded 9,985 dead-lettered 15 retries 75 timeouts 2",
			filepath.Join("out", "tickets.jsonl") + ": 538 tickets: 318 critical, 220 major",
			filepath.Join("out", "dead-letters.db") + ": 15 dead letters: 15 BUSINESS",
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("got %q, want %q in it", text, want)
			}
		}
		for readme, timeouts := range map[string]string{
			"README.md":       "For two reports the service hangs.",
			"../../README.md": "Two attempts hung for their full second",
		} {
			shown, err := os.ReadFile(filepath.FromSlash(readme))
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(strings.Fields(string(shown)), " ")
			for _, want := range append(wants, timeouts) {
				if !strings.Contains(said, filepath.ToSlash(want)) {
					t.Errorf("%s does not say %q, which is what a run does", readme, want)
				}
			}
		}
	})
}

package runner

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// workerOutput is what all worker processes of a run share: where their output goes, and their environment.
type workerOutput struct {
	stdout, stderr *lineWriter
	env            []string
}

// newWorkerOutput also divides the memory limit of this process among itself and the worker processes of tasks.
func newWorkerOutput(s Settings, tasks []ergon.TaskConfig) *workerOutput {
	var stderr io.Writer = os.Stderr
	if s.Output != nil {
		stderr = s.Output
	}
	o := &workerOutput{stdout: &lineWriter{to: os.Stdout}, stderr: &lineWriter{to: stderr}, env: s.WorkerEnv}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		share := limit / int64(workerProcesses(tasks)+1)
		o.env = slices.Concat([]string{fmt.Sprintf("GOMEMLIMIT=%d", share)}, o.env)
	}
	return o
}

// workerProcesses is how many worker processes tasks have.
func workerProcesses(tasks []ergon.TaskConfig) int {
	n := 0
	for _, t := range tasks {
		if t.Workers.Isolation == policy.IsolationProcess {
			n += t.Workers.Count
		}
	}
	return n
}

// lineWriter writes the lines of several worker processes, each with one Write. It is safe for concurrent use.
type lineWriter struct {
	to io.Writer
	mu sync.Mutex
}

// line writes a line. An error is ignored, because the output is where it would be reported.
func (w *lineWriter) line(text []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = w.to.Write(text)
}

// named returns a function that writes lines that name their worker.
func (w *lineWriter) named(worker string) func([]byte) {
	return func(text []byte) { w.line(namedLine(text, worker)) }
}

// namedLine returns a line that names its worker. A text or JSON line of a logger gets an attribute, unless it has that one, so
// that it can still be parsed. Any other line gets the name as a prefix.
func namedLine(line []byte, worker string) []byte {
	asText := []byte("worker=" + worker)
	asJSON := fmt.Appendf(nil, `"worker":%s`, strconv.Quote(worker))
	body := bytes.TrimRight(line, "\r\n")
	switch {
	case bytes.Contains(line, asText), bytes.Contains(line, asJSON):
		return line
	case bytes.HasPrefix(body, []byte(`{"`)) && bytes.HasSuffix(body, []byte("}")):
		return fmt.Appendf(nil, "{%s,%s\n", asJSON, body[1:])
	case bytes.HasPrefix(body, []byte("time=")):
		return fmt.Appendf(nil, "%s %s\n", body, asText)
	default:
		return fmt.Appendf(nil, "%s: %s", worker, line)
	}
}

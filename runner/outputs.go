package runner

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// outputs is what all worker processes of a run have in common: where their lines go, and their environment.
type outputs struct {
	stdout, stderr *output
	env            []string
}

// workerProcesses is how many processes the workers of tasks want.
func workerProcesses(tasks []ergon.TaskConfig) int {
	n := 0
	for _, t := range tasks {
		if t.Workers.Isolation == policy.IsolationProcess {
			n += t.Workers.Count
		}
	}
	return n
}

// newOutputs is for n processes.
func newOutputs(s Settings, n int) *outputs {
	var stderr io.Writer = os.Stderr
	if s.Output != nil {
		stderr = s.Output
	}
	o := &outputs{stdout: &output{to: os.Stdout}, stderr: &output{to: stderr}, env: s.WorkerEnv}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		o.env = slices.Concat([]string{fmt.Sprintf("GOMEMLIMIT=%d", limit/int64(n+1))}, o.env)
	}
	return o
}

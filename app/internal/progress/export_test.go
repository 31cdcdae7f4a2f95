package progress

import "github.com/ergon-go/ergon/runner"

// Draw and Log watch until their context ends.
var (
	Draw = drawProgress
	Log  = logProgress
)

// Line is the live line of tasks, with everything that is known about them.
func Line(tasks []runner.TaskProgress, width int, stopping bool) string {
	var m meter
	return m.together(tasks).line(width, stopping)
}

package app_test

import (
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/memory"
)

// [I2] A command is another process than that of the task: what only the latter sees is neither looked into nor filled, because
// what is put there would be lost.
func TestCommandsRefuseWhatOnlyTheProcessOfTheTaskSees(t *testing.T) {
	reg := registry()
	config.Connector(reg, "memory", "a queue in memory", struct{}{},
		func(struct{}) (*memory.Queue, error) { return memory.New(memory.Settings{Finite: true}), nil })
	in(t, `tasks: {square: {task: math.square, connectors: {input: {type: memory}, dead_letters: {type: drain}}}}`)
	for _, args := range []string{"enqueue square --payload-json 1", "enqueue square/input --payload-json 1"} {
		got := call{settings: app.Settings{Registry: reg}, args: strings.Fields(args)}.do(t)
		if got.code != 2 || !strings.Contains(got.stderr, "in the memory of the process that runs its task") ||
			!strings.Contains(got.stderr, "use a queue in a file") {
			t.Errorf("%s: got exit code %d\n%s%s\nwant it refused, with the cure", args, got.code, got.stdout, got.stderr)
		}
	}
	if got := (call{settings: app.Settings{Registry: reg}, args: []string{"run"}}).do(t); got.code != 0 {
		t.Errorf("run: got exit code %d\n%s, want the task's own process to use it", got.code, got.stderr)
	}
}

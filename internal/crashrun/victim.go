package crashrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/ergon-go/ergon/runner"
)

// victimVariable makes this program a victim: it is the setup.
const victimVariable = "ERGON_CRASH_SETUP"

// Victim reports whether this process is to be the victim of another, and if so runs as one and returns its exit code.
func Victim() (code int, victim bool) {
	text, victim := os.LookupEnv(victimVariable)
	if !victim {
		return 0, false
	}
	setup, err := decodeSetup(text)
	if err == nil {
		err = setup.run(os.Stdout)
	}
	if code = runner.ExitCode(err); code != terminated && err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
	}
	return code, true
}

// report is what a victim says of itself, a line of JSON each.
type report struct {
	// Workers are the processes of its workers.
	Workers []int `json:"workers"`
	// Interrupted is how many transactions were cut short, in the last report.
	Interrupted int64 `json:"interrupted"`
}

func (r report) tell(out io.Writer) error {
	if err := json.NewEncoder(out).Encode(r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

const reportEvery = 10 * time.Millisecond

// run is the whole run of the victim.
func (s Setup) run(out io.Writer) error {
	ctx, force, stop := runner.Signals(context.Background())
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	m := runner.NewManager(runner.Settings{Force: force, Logger: logger})
	for _, cfg := range s.tasks() {
		if err := m.Register(cfg); err != nil {
			return err
		}
	}
	told, done := make(chan struct{}), make(chan struct{})
	if _, worker := runner.InWorkerProcess(); !worker { // where Run does not return
		go func() {
			defer close(told)
			tell(out, m, done)
		}()
	}
	summary, err := m.Run(ctx)
	close(done)
	<-told
	var last report
	for _, t := range summary.Tasks {
		last.Interrupted += t.Snapshot.Outcomes[runner.Interrupted]
	}
	return errors.Join(err, last.tell(out))
}

// tell reports whenever there are other workers.
func tell(out io.Writer, m *runner.Manager, done <-chan struct{}) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	var before []int
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		now := []int{}
		for _, task := range m.Progress() {
			for _, w := range task.Each {
				if w.PID > 0 && w.State == runner.WorkerRunning {
					now = append(now, w.PID)
				}
			}
		}
		if !slices.Equal(now, before) && (report{Workers: now}).tell(out) != nil {
			return // nobody listens any more
		}
		before = now
	}
}

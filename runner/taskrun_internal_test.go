package runner

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
)

// fakeWorker is a worker whose run takes as long as a test says, whatever its context does.
type fakeWorker struct {
	end       chan error    // what run returns
	confirmed chan struct{} // closed when it confirms a control
	controls  []control
}

func newFakeWorker() *fakeWorker {
	return &fakeWorker{end: make(chan error, 1), confirmed: make(chan struct{})}
}

func (w *fakeWorker) start(context.Context) (int64, error) { return 5, nil }
func (w *fakeWorker) run(context.Context) error            { return <-w.end }
func (w *fakeWorker) discard(context.Context) error        { return nil }
func (w *fakeWorker) progress() WorkerProgress             { return WorkerProgress{Snapshot: Snapshot{Fetched: 1}} }

func (w *fakeWorker) control(change func(control) control) func(context.Context) error {
	w.controls = append(w.controls, change(control{}))
	return func(ctx context.Context) error {
		select {
		case <-w.confirmed:
			return nil
		case <-ctx.Done():
		}
		select {
		case <-w.confirmed:
			return nil
		default:
			return errors.New("t-2 (process 7)")
		}
	}
}

func fakeTaskRun(workers ...*fakeWorker) *taskRun {
	cfg := ergon.NewTaskConfig("t", nil)
	cfg.Workers.Count = len(workers)
	t := newTaskRun(cfg, Settings{Logger: slog.New(slog.DiscardHandler)}, &shutdown{forced: context.Background()}, nil)
	for i, w := range workers {
		t.workers[i] = w
	}
	return t
}

// [E3] [F4] A worker that hangs is abandoned after the budget of the shutdown and two seconds. The errors of the others count, and
// what the abandoned one returns later does not.
func TestRunDoesNotWaitForAWorkerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errEnough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		ends, hangs := newFakeWorker(), newFakeWorker()
		task := fakeTaskRun(ends, hangs)
		r := &run{shutdown: &shutdown{forced: context.Background()}, tasks: []*taskRun{task}}
		began := time.Now()
		time.AfterFunc(time.Minute, func() { cancel(errEnough) })
		ends.end <- errDied
		summary, err := r.do(ctx)
		if took, want := time.Since(began), time.Minute+shutdownBudget(task.cfg.Shutdown)+abandonTime; took != want {
			t.Errorf("it took %s, want %s", took, want)
		}
		hangs.end <- errKilled
		synctest.Wait()
		if !errors.Is(err, errEnough) || !errors.Is(err, errDied) || !errors.Is(err, errAbandoned) || errors.Is(err, errKilled) ||
			!strings.Contains(err.Error(), `worker "t-1": exit status 3`) || !strings.Contains(err.Error(), `worker "t-2": it has not ended`) {
			t.Errorf("got %v", err)
		}
		if s := summary.Tasks[0]; s.Snapshot.Fetched != 2 || task.total.Load() != 5 {
			t.Errorf("got %+v and a total of %d, want the sum of both workers and the 5 of the first", s.Snapshot, task.total.Load())
		}
	})
}

// [E2] A change is made in all workers before any is waited for. One that does not confirm within 5 s is named.
func TestChangeNamesTheWorkersThatDoNotConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		confirms, hangs := newFakeWorker(), newFakeWorker()
		close(confirms.confirmed)
		task, began := fakeTaskRun(hangs, confirms), time.Now()
		err := task.control(t.Context(), pause)
		if !errors.Is(err, ErrUnconfirmed) || !strings.Contains(err.Error(), "no answer from t-2 (process 7):") ||
			time.Since(began) != confirmTimeout {
			t.Errorf("got %v after %s, want t-2 named after 5s", err, time.Since(began))
		}
		close(hangs.confirmed)
		if err := task.control(t.Context(), resume); err != nil {
			t.Errorf("got %v, want no error", err)
		}
		for _, w := range []*fakeWorker{confirms, hangs} {
			if len(w.controls) != 2 || !w.controls[0].Paused || w.controls[1].Paused {
				t.Errorf("got %+v, want a pause and its end", w.controls)
			}
		}
	})
}

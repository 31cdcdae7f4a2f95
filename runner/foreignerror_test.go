package runner_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// stuckError is an error with one method that does not return until it is released.
type stuckError struct {
	in      string
	release chan struct{}
}

func (e *stuckError) at(method string) {
	if e.in == method {
		<-e.release
	}
}

func (e *stuckError) Error() string {
	e.at("Error")
	return "stuck error"
}

func (e *stuckError) Is(error) bool {
	e.at("Is")
	return false
}

func (e *stuckError) As(any) bool {
	e.at("As")
	return false
}

func (e *stuckError) Unwrap() error {
	e.at("Unwrap")
	return errBroken
}

func (e *stuckError) LogValue() slog.Value {
	e.at("LogValue")
	return slog.StringValue("stuck error")
}

func (e *stuckError) ExitCode() int {
	e.at("ExitCode")
	return 0
}

// stuckPlaces are where an error comes from. What is made may fail only there.
var stuckPlaces = map[string]func(cfg *ergon.TaskConfig, err error){
	"New": func(cfg *ergon.TaskConfig, err error) {
		cfg.Connectors["out"] = ergon.Component{New: func() (any, error) { return nil, err }}
	},
	"Open": func(cfg *ergon.TaskConfig, err error) {
		cfg.Connectors["out"] = given(&part{journal: &journal{}, onOpen: returning(err)})
	},
	"Finish": func(cfg *ergon.TaskConfig, err error) {
		cfg.Connectors["out"] = given(&part{journal: &journal{}, onFinish: returning(err)})
	},
	"Close": func(cfg *ergon.TaskConfig, err error) {
		cfg.Connectors["out"] = given(&part{journal: &journal{}, onClose: returning(err)})
	},
	"a fault": func(cfg *ergon.TaskConfig, err error) {
		task := cfg.New
		cfg.New = func(d *ergon.Dependencies) ergon.Task {
			d.Fault(err)
			return task(d)
		}
	},
	"Exit": func(cfg *ergon.TaskConfig, err error) {
		task := cfg.New
		cfg.New = func(d *ergon.Dependencies) ergon.Task {
			made := task(d)
			made.Exit = returning(err)
			return made
		}
	},
	"Execute": func(cfg *ergon.TaskConfig, err error) {
		task := cfg.New
		cfg.New = func(d *ergon.Dependencies) ergon.Task {
			made := task(d)
			made.Execute = func(context.Context, ergon.TaskRun) error { return err }
			return made
		}
	},
	"fetch": func(cfg *ergon.TaskConfig, err error) {
		cfg.Connectors["input"] = given(fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) { return nil, err }))
	},
	"settle": func(cfg *ergon.TaskConfig, err error) {
		cfg.Connectors["input"] = given(failingSettler{finiteQueue(1), err})
	},
	"letters": func(cfg *ergon.TaskConfig, err error) {
		cfg.New = processor(func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errBroken) })
		cfg.Connectors["dead_letters"] = given(dispatchFunc(func(context.Context, []ergon.Transaction) error { return err }))
	},
}

func returning(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

type failingSettler struct {
	*memory.Queue

	err error
}

func (s failingSettler) SettleTransactions(context.Context, []capability.Settlement) error {
	return s.err
}

// [F1] [F4] [E4] Whatever method of an error does not return, wherever the error comes from: the run ends by itself, says that it has
// failed, and so do its exit code, its summary and whoever prints the error.
func TestErrorWhoseMethodsDoNotReturnEndsTheRun(t *testing.T) {
	for place, fail := range stuckPlaces {
		for _, method := range []string{"", "Error", "Is", "As", "Unwrap", "LogValue", "ExitCode"} {
			t.Run(place+" "+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					cfg := configure("t", finiteQueue(1), processor(func(context.Context, ergon.Transaction) (any, error) { return nil, nil }))
					cfg.Connectors["dead_letters"] = given(memory.New(memory.Settings{}))
					cfg.Consumer.Loop.DeadLetter = "dead_letters"
					cfg.Consumer.Loop.OnException = policy.OnExceptionDeadLetter
					fail(&cfg, &stuckError{method, release})
					var log safeLog
					type end struct {
						summary runner.Summary
						err     error
						code    int
						text    string
					}
					ended := make(chan end, 1)
					began := time.Now()
					go func() {
						var e end
						m := manage(t, runner.Settings{Logger: log.logger()}, cfg)
						e.summary, e.err = m.Run(t.Context())
						e.code = runner.ExitCode(e.err)
						if e.err != nil {
							e.text = e.err.Error()
						}
						for _, task := range e.summary.Tasks {
							if task.Err != nil {
								e.text += task.Err.Error()
							}
						}
						ended <- e
					}()
					select {
					case e := <-ended:
						want := 1
						if place == "New" || place == "a fault" {
							want = 2 // the configuration
						}
						if e.code != want || e.text == "" {
							t.Errorf("got exit code %d, want %d: %s", e.code, want, e.text)
						}
						if took := time.Since(began); took > 5*time.Minute {
							t.Errorf("it took %s", took)
						}
						if method == "" && place != "letters" && !errors.Is(e.err, errBroken) {
							t.Errorf("the cause is not reached in %v", e.err)
						}
					case <-time.After(time.Hour):
						t.Error("the run has not ended after an hour")
					}
					close(release)
					time.Sleep(time.Hour)
				})
			})
		}
	}
}

// [F1] [F4] The same holds for the cause of the run's context.
func TestCauseWhoseMethodsDoNotReturnEndsTheRun(t *testing.T) {
	for _, method := range []string{"", "Error", "Is", "As", "Unwrap", "LogValue", "ExitCode"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				cfg := configure("t", memory.New(memory.Settings{}), processor(nil))
				cfg.Consumer.Loop.Streaming = true
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(&stuckError{method, release}) })
				ended := make(chan int, 1)
				go func() {
					_, err := runner.RunTask(ctx, cfg, runner.Settings{Logger: quiet()})
					ended <- runner.ExitCode(err)
				}()
				select {
				case code := <-ended:
					if code != 1 {
						t.Errorf("got exit code %d, want 1", code)
					}
				case <-time.After(time.Hour):
					t.Error("the run has not ended after an hour")
				}
				close(release)
				time.Sleep(time.Hour)
			})
		})
	}
}

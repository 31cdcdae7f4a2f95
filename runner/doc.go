// Package runner runs the tasks of a program. It opens the connectors and services of a task, runs its loop on one or more
// workers, shuts down in order, and returns a summary.
//
//	ctx, force, stop := runner.Signals(context.Background())
//	defer stop()
//	m := runner.NewManager(runner.Settings{Force: force})
//	err := m.Register(cfg)
//	if err == nil {
//		_, err = m.Run(ctx)
//	}
//	os.Exit(runner.ExitCode(err))
//
// # A worker run
//
//	make all components ─► open services ─► open connectors ─► make the task   a failure closes what is open
//	                                                                │
//	     ┌───── all workers of all tasks wait here for each other ──┘          a fault of the configuration: none runs
//	     ▼
//	run the loop ─► Exit of the task ─► Finish, at the natural end only ─► close connectors ─► close services
//	     ▲                                                                        │
//	     └─ streaming, and the source failed: a new worker run, after a pause ────┘       all have ended: flush telemetry
//
// Components are made and opened in the order of their names and closed in the reverse order. Each worker has its own
// components. A panic, a hanging call or a Goexit outside of the loop becomes an error that names the component. loop.limit
// holds over all workers of a task together.
//
// The natural end of a loop is that its source was exhausted or empty and everything is settled. An end by loop.limit is not
// natural. At the natural end the source is finished first, then the other connectors.
//
// A streaming worker whose source failed is restarted after 0.5 s, doubling up to 30 s. After a run of a minute the next delay
// is 0.5 s again. The worker is given up when 10 runs in a row have fetched nothing. loop.limit and loop.timeout hold over all
// runs of a worker together.
//
// # Worker processes
//
// With workers.isolation: process, [Manager.Run] executes the program once more for each worker. In that process, Run runs the
// one worker, as described above. The first process supervises: it kills a worker process whose heartbeats stop or whose loop
// is stuck, replaces one that died or whose handlers do not return, and gives a worker up if too many of its processes in a row
// die without a result. It passes its signals on. No worker process outlives it. A test binary that runs such tasks needs a
// TestMain that runs the program if [InWorkerProcess] returns true.
//
// # Shutdown
//
// When the context of [Manager.Run] ends, the shutdown begins. Its steps follow each other, and each has a maximum duration,
// whatever hangs:
//
//	grace                    fetching has stopped; running handlers may end
//	force                    handlers are cancelled; those that do not return are abandoned, and their transactions requeued
//	force, at least 1 s      the last settlements; without any, 1 s for a fetch in progress, whose transactions are requeued
//	force, at least 1 s      Exit and closing; time that earlier steps left is added to this
//	5 s                      flushing telemetry; worker processes have 3 s of it
//
// With the defaults (grace 25 s, force 5 s) that is 45 s if everything hangs ([ShutdownBound]). If nothing hangs, it is a moment
// more than the longest running transaction needs. Each call that closes something gets an equal share of the time that is
// left, and at least 100 ms. Closing Settings.Force ends grace and force at once, and leaves 1 s to close and 1 s to flush.
package runner

// The files, by what they are part of:
//
//   - The Manager: manager, runinorder, control, processtransaction, useconnectors, produce; its words: settings, progress,
//     outcome, errors, exitcode, signals, validate.
//   - A call of Manager.Run: run has the tasks, taskrun the workers of one task, shutdown the deadlines.
//   - A worker in this process: worker; workerrun, component, health, execute and closesequence for each of its runs; call for
//     foreign code; restarts and looptimeout, which supervisors use as well; snapshots.
//   - A supervisor of a worker in another process: supervisor, supervisorreports, supervisorrestart. process is the process;
//     processmonitor and heartbeat decide when to kill it; processcontrol, processsnapshots and workeroutput carry its control,
//     counts and output.
//   - That other process: workerprocess, which runs a worker, and remotequota.
//   - The protocol between the two, JSON over two pipes: protocol has the orders and reports, failure has errors. The pipes are
//     those of internal/reexec.

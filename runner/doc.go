// Package runner runs tasks in a program: it opens what a task needs, runs its loop on one or more workers, stops it in
// order and says what became of it.
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
// # The life of a worker
//
//	make all components ─► open services ─► open connectors ─► make the task   a failure on the way closes what is open
//	                                                                │
//	     ┌──────────── all workers of all tasks have come this far ─┘          a fault of the configuration: none runs
//	     ▼
//	run the loop ─► Exit of the task ─► Finish, at the natural end only ─► close connectors ─► close services
//	     ▲                                                                        │
//	     └─ streaming, and the source failed: make everything anew, after a pause ┘       all have ended: flush telemetry
//
// Components are made and opened in the order of their names and closed in the reverse order; each worker has its own.
// What panics, hangs or ends its goroutine outside of the loop becomes an error that names it. The limit of a task's loop
// holds over all of its workers together.
//
// The natural end is a loop that ended by itself, everything settled: its source was exhausted or empty, and loop.limit
// was not what ended it. Then the source is finished first, after it the other connectors.
//
// A streaming worker whose source failed starts again after 0.5 s, doubling up to 30 s, from the shortest pause again
// once it has run for a minute. It is given up when it fetched nothing in 10 lives in a row. Limit and timeout of the loop
// hold for all lives together.
//
// # Worker processes
//
// With workers.isolation: process the program is executed once more for each worker, and [Manager.Run] runs it there. All
// that is said here holds in each of these processes; this one supervises: it has another take the place of one that died,
// whose loop stands still, or whose handlers do not return, and gives a worker up whose processes die one after the other.
// Signals go to this process, and through it to the others; none of them outlives it. A test binary that runs such tasks
// needs a TestMain that runs the program where [InWorkerProcess] says that it is one.
//
// # Shutdown
//
// When the context of [Manager.Run] ends, everything has ended after at most these times, one after the other, whatever
// hangs:
//
//	grace                    fetching has stopped; what runs may end
//	force                    handlers are cancelled and have this long to heed it; then they are given up and released
//	force, at least 1 s      the last settlements; where they need none of it, 1 s for a fetch that was under way and may still
//	                         bring something, which is given back
//	force, at least 1 s      Exit, closing; whatever of the time before is not used is added to this
//	5 s                      flushing telemetry; of that, worker processes have 3 s
//
// With the defaults (25 s and 5 s) that is 45 s if everything hangs ([ShutdownBound]), and a moment more than the longest running
// transaction needs if nothing does. What is closed gets an equal share of the time that is left, and a tenth of a second
// where none is. Closing Settings.Force ends grace and force at once and leaves 1 s to close and 1 s to flush.
package runner

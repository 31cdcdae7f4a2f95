// Package runner runs tasks in a program: it opens what a task needs, runs its loop on one or more workers, stops it in
// order and says what became of it.
//
//	m := runner.NewManager(runner.Settings{})
//	if err := m.Register(cfg); err != nil { … }
//	ctx, force, stop := runner.Signals(context.Background())
//	defer stop()
//	summary, err := m.Run(ctx)
//	os.Exit(runner.ExitCode(err))
package runner

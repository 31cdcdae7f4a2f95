// Package telemetry sets up what makes a program of tasks seen: traces, metrics and logs, exported by the OpenTelemetry
// SDK. It is a module of its own, so that nobody who brings their own providers carries the exporters' dependencies.
//
//	cfg, err := telemetry.FromEnvironment(os.LookupEnv) // the defaults, and what OTEL_* variables say
//	…
//	p, err := telemetry.Setup(ctx, cfg, telemetry.Settings{Service: "triage"})
//	…
//	m := runner.NewManager(runner.Settings{
//		TracerProvider: p.TracerProvider, MeterProvider: p.MeterProvider, Logger: p.Logger, Flush: p.Shutdown,
//	})
//
// Package app does this for a program that has its command line; there a [Config] is the section telemetry of the
// configuration file.
//
// # What it promises
//
// Nothing is exported unless it is asked for. A signal without exporter has no provider and no goroutine, and costs
// nothing.
//
// What is exported does not hold up the work: spans and log records go into a bounded queue and are dropped where that is
// full. An exporter that fails does not fail a run. It is reported once, on the console and in the log file, again when it
// works, and at the end with how much was lost.
//
// [Providers.Shutdown] delivers what is left and returns within its context's time, or [FlushTimeout], whatever hangs.
package telemetry

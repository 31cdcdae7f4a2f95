// Package telemetry exports the traces, metrics and logs of a program with tasks by the OpenTelemetry SDK. It is a module of its
// own, so a program that brings its own providers does not get the dependencies of the exporters.
//
//	cfg, err := telemetry.FromEnvironment(os.LookupEnv) // the defaults, changed by OTEL_* variables
//	…
//	p, err := telemetry.Setup(ctx, cfg, telemetry.Settings{Service: "triage"})
//	…
//	m := runner.NewManager(runner.Settings{
//		TracerProvider: p.TracerProvider, MeterProvider: p.MeterProvider, Logger: p.Logger, Flush: p.Shutdown,
//	})
//
// Package app does this for a program that has its command line. There a [Config] is the section telemetry of the configuration
// file.
//
// # Promises
//
// By default nothing is exported. A signal without an exporter has no provider and no goroutine, and costs nothing.
//
// Exporting does not delay the work: spans and log records go into a bounded queue, and are dropped if it is full. An exporter
// that fails does not fail a run. The failure is reported once, on the console and in the log file, again when the exporter
// works, and at the end with the number of lost items.
//
// [Providers.Shutdown] delivers what is left. It returns when its context ends, or after [FlushTimeout], whatever hangs.
package telemetry

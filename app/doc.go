// Package app is a whole command line for the tasks of a program, linked into its binary by one call:
//
//	func main() { app.Main(registry) }
//
// or, for a program that brings its own configuration and flags,
//
//	func main() {
//		app.Run(app.Settings{
//			Registry:    registry,
//			Description: "Writes tickets for wildlife strikes.",
//			Config:      defaultYAML,
//			Variables:   []app.Variable{{Name: "OUT", Flag: "out", Default: "out", Usage: "folder for what is written"}},
//		})
//	}
//
// What was asked for goes to standard output; messages, log lines and progress go to standard error, one line of it
// redrawn in place where it is a terminal. With --output json standard output is one JSON document. Exit codes are 0 for
// done, also with dead letters; 1 for failed; 2 for a command or configuration that is wrong; 130, 143 and 129 after SIGINT,
// SIGTERM and SIGHUP. Nothing is written to disk but by the connectors, and by logs where the configuration says so.
//
// The section telemetry of the configuration, and variables of OpenTelemetry (OTEL_*), say what of a run is exported; see
// package telemetry. Nothing is by default.
package app

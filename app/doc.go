// Package app is a complete command line for the tasks of a program. One call adds it:
//
//	func main() { app.Main(registry) }
//
// or, for a program with its own configuration and flags,
//
//	func main() {
//		app.Run(app.Settings{
//			Registry:    registry,
//			Description: "Writes tickets for wildlife strikes.",
//			Config:      defaultYAML,
//			Variables:   []app.Variable{{Name: "OUT", Flag: "out", Default: "out", Usage: "folder of the output files"}},
//		})
//	}
//
// Results go to standard output; messages, log lines and progress go to standard error. On a terminal the progress is one line that
// is redrawn. With --output json standard output is one JSON document. Exit codes: 0 for success, also with dead letters; 1 for
// failure; 2 for an invalid command or configuration; 130, 143 and 129 after SIGINT, SIGTERM and SIGHUP. Only connectors write to
// disk, and logs if the configuration has a log file.
//
// The section telemetry of the configuration and the OpenTelemetry variables OTEL_* select the telemetry that is exported; see package
// telemetry. The default is none.
package app

// Command flights makes claims of late flights: an example of a job of several steps with a queue in one file between them,
// which worker processes share. README.md says how to run it and what it shows.
package main

import "github.com/ergon-go/ergon/app"

func main() { app.Run(Program()) }

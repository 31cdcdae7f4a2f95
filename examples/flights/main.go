// Command flights makes claims of late flights. It is an example of a job with several steps, and with queues in one file between
// them that worker processes share. README.md says how to run it and what it shows.
package main

import "github.com/ergon-go/ergon/app"

func main() { app.Run(Program()) }

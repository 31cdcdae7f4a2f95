// Command birdstrikes writes tickets for severe wildlife strikes: an example of a task, of what it is configured with, and
// of a command line around it. README.md says how to run it and what it shows.
package main

import "github.com/ergon-go/ergon/app"

func main() { app.Run(Program()) }

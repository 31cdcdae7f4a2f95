// Command birdstrikes writes tickets for severe wildlife strikes. It is an example of a task, its configuration and a command
// line. README.md says how to run it and what it shows.
package main

import "github.com/ergon-go/ergon/app"

func main() { app.Run(Program()) }

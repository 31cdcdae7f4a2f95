// Package command holds what the commands have in common. Each command, or group of commands, is a package below it.
package command

// Groups of commands in the help.
const (
	GroupRun   = "run"
	GroupQueue = "queue"
	GroupLook  = "look"
)

// ConsoleFlag is the flag of run that dev sets.
const ConsoleFlag = "console"

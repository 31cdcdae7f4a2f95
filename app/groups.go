package app

// Groups of commands in the help.
const (
	groupRun   = "run"
	groupQueue = "queue"
	groupLook  = "look"
)

// consoleFlag is the flag of run that dev sets.
const consoleFlag = "console"

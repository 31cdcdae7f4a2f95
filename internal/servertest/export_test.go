package servertest

// ForeignListeners is foreignListeners.
func ForeignListeners(port int, tables ...string) []string { return foreignListeners(port, tables...) }

package capability

// ProcessLocal is a connector or service that keeps its data in the memory of its process. Other processes do not see the data,
// and it is lost with the process. It is refused if the workers of a task are separate processes.
type ProcessLocal interface {
	// ProcessLocal is a marker. It does nothing.
	ProcessLocal()
}

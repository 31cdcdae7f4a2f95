package capability

// ProcessLocal is a connector or service that keeps what it holds in the memory of its process: another process sees none
// of it, and it is gone with the process. It is refused where the workers of a task are processes of their own.
type ProcessLocal interface {
	// ProcessLocal only marks it.
	ProcessLocal()
}

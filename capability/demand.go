package capability

// DemandListener is a source whose server pushes transactions, so that it must know how many are wanted [K4]. A source that asks for
// each batch does not need it: a fetch has a limit.
type DemandListener interface {
	// Demand says how many deliveries the loop wants to hold from now on, of one partition, or of all for "". Those that it holds
	// already count. Before the first call nothing is wanted. 0 means: take nothing, and give back what is buffered. A number
	// that is lower than before takes nothing back. The loop wants nothing while it is paused, between two probes of an outage, and
	// from the first step of a shutdown on.
	//
	// There is one call at a time, on a goroutine of its own. Only the latest value counts: values that follow each other quickly
	// are joined. Demand does not wait for the network.
	Demand(partition string, n int)
}

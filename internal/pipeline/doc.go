// Package pipeline runs the lifecycle of transactions: it fetches, hands over, attempts, times out, retries, settles and
// drains. What happens next is decided by package lifecycle; when and on what it happens is decided here. PROTOCOL.md says who
// may change what, in which order locks are taken, where foreign code runs, and why each number has its value.
//
//	          ┌──────── capacity ◄─────────┐
//	          ▼                            │
//	source ─fetch─► batches ─claim─► workers (pool) ──ended──► settler ─► dead letters, source
//	                                   │  ▲                      ▲
//	                             attempt  │ takeover             │
//	                                   ▼  │                      │
//	                                 watchdogs                 leases (held from fetch to settlement)
//
// Fetch loop and settler have a goroutine each, and while they wait, workers do their work for them, because that costs less
// than to hand it over (serve.go). Dead letters are written while the settler works (letterwriter.go).
//
// A worker runs the attempts of one transaction inline, on its own goroutine. Each attempt is a context of its own type
// whose owner is one atomic word: the worker takes it when the handler returns, a watchdog takes it at the deadline. Who
// takes it owns the lifecycle; the other side's result is late and is fenced. A timeout therefore costs no goroutine and
// no timer per attempt, and is hard all the same.
//
// A producing loop ([Producer]) is the same loop over a sequence. A hybrid's outbound transactions are prepared within the
// attempt of a phase of its inbound one (hybrid.go); what they dispatch to the source's store hops with its
// acknowledgement (hop.go). What tasks dispatch goes through a [coalesce.Coalescer], which joins it.
package pipeline

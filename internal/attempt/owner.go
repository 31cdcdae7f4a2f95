package attempt

import "sync/atomic"

// Owner decides who owns what follows from an attempt. It begins as running. Each method that reports whether it succeeded is one
// compare-and-swap from running, so exactly one of all callers succeeds; PROTOCOL.md has the table.
type Owner struct{ word atomic.Uint32 }

const (
	running      uint32 = iota // the worker that calls the function owns it
	returned                   // the function came back in time; its worker keeps it
	expired                    // the deadline came first; whoever watches it has it
	abandoned                  // a shutdown or the end of the caller's context came first
	returnedLate               // expired or abandoned, and the function has come back since
)

// Return keeps the ownership with the worker whose function has returned.
func (o *Owner) Return() bool { return o.word.CompareAndSwap(running, returned) }

// Expire moves the ownership to whoever found that the deadline is over.
func (o *Owner) Expire() bool { return o.word.CompareAndSwap(running, expired) }

// Abandon moves the ownership to whoever does not wait any longer, for another reason than the deadline.
func (o *Owner) Abandon() bool { return o.word.CompareAndSwap(running, abandoned) }

// ReturnLate records that the function of an attempt that was given up has returned. Only a worker whose Return failed calls it, once.
func (o *Owner) ReturnLate() { o.word.Store(returnedLate) }

// Running reports whether nobody has decided yet.
func (o *Owner) Running() bool { return o.word.Load() == running }

// Returned reports whether the function came back in time. It is final.
func (o *Owner) Returned() bool { return o.word.Load() == returned }

// GivenUp reports whether the work has gone on without the function [T1]. It is final.
func (o *Owner) GivenUp() bool { return o.word.Load() > returned }

// ReturnedLate reports whether the function has returned after it was given up. It is final.
func (o *Owner) ReturnedLate() bool { return o.word.Load() == returnedLate }

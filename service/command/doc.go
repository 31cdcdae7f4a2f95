// Package command runs a program for each transaction, so that business logic can be written in any language: the payload is
// on its standard input, the result is what it prints to standard output, and its exit code says how it went:
//
//	0    success
//	65   the transaction is at fault: BUSINESS, not tried again (EX_DATAERR of sysexits.h)
//	75   something else is, for now: SYSTEM, tried again (EX_TEMPFAIL)
//	any other, or a signal: SYSTEM
//
// The program is given as a list of arguments and never goes through a shell. It is killed with all of its process group, by
// SIGKILL, when the attempt's timeout is over or it prints more than it may; it cannot hold up a pipeline. A program that
// outlives Ergon itself, because that was killed, is nobody's to stop: have it end when its standard input does.
package command

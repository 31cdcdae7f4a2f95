// Package command runs a program for each transaction, so that business logic can be written in any language: the payload is
// on its standard input, the result is what it prints to standard output, and its exit code says how it went:
//
//	0    success
//	65   the transaction is at fault: BUSINESS, not tried again (EX_DATAERR of sysexits.h)
//	75   something else is, for now: SYSTEM, tried again (EX_TEMPFAIL)
//	any other, or a signal: SYSTEM
//
// The program is given as a list of arguments and never goes through a shell. It is killed by SIGKILL, with all that it has
// started, when the attempt's timeout is over or it prints more than it may; it cannot hold up a pipeline. Exit code 0 is success
// whatever it has left behind, and that is killed then, unless LeaveChildren is set.
//
// On Linux a guard process, one for each Command, starts the programs and finds also what has left their process group; when
// Ergon itself is killed, it kills all of them. Elsewhere a program has a process group, which is killed; when Ergon itself is
// killed, it goes on: have it end when its standard input does.
//
// A program sees PATH, HOME, LANG, LC_*, TZ and TMPDIR of Ergon's environment, what EnvPass lists and what Env sets.
package command

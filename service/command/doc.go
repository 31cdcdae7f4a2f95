// Package command runs a program for each transaction, so business logic can be written in any language. The program reads the
// payload from standard input and writes the result to standard output. Its exit code is the outcome:
//
//	0    success
//	65   the transaction is at fault: BUSINESS, not retried (EX_DATAERR of sysexits.h)
//	75   something else is at fault for now: SYSTEM, retried (EX_TEMPFAIL)
//	any other, or a signal: SYSTEM
//
// The program is a list of arguments, and no shell reads it. At the timeout of the attempt, or if its output is too long, the
// program is killed by SIGKILL with all processes that it has started. Exit code 0 is success even if processes are left; these
// are killed, unless LeaveChildren is set.
//
// On Linux a guard process, one for each Command, starts the programs. It also finds processes that have left the process
// group, and kills all of them if Ergon itself is killed. On other systems the process group is killed. If Ergon itself is
// killed there, the program continues: let it exit at the end of its standard input.
//
// The environment of a program is PATH, HOME, LANG, LC_*, TZ and TMPDIR of Ergon, the variables in EnvPass, and Env.
package command

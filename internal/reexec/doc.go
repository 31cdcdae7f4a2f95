// Package reexec executes the running program once more as a child process. In the child, the program finds its role by [Role]
// and takes it with [Take]. Parent and child exchange JSON messages over two pipes. The parent gets the child's standard output
// and standard error line by line.
//
// No child outlives its parent. On Linux the kernel kills the child when the parent dies. Everywhere the child finds its pipe
// closed ([Parent.Receive] returns io.EOF) and has to exit. A child leads its own process group: a signal of the terminal to
// the parent, such as Ctrl-C, does not reach it, and [Child.Kill] also kills the processes that it has started.
//
// The package knows nothing of tasks. It works on Unix; elsewhere [Start] returns [ErrUnsupported].
package reexec

// Package reexec runs the program that it is in once more, as a child process in which the program finds out, by [Role],
// that it is to play a part, and takes it with [Take]. Both sides talk in JSON over two pipes of their own; standard output
// and standard error of the child come out of its parent, line by line.
//
// No child outlives its parent. On Linux the kernel kills it with the parent; everywhere the child finds its pipe closed
// ([Parent.Receive] returns io.EOF) and is to end. A child is the leader of a process group of its own: what a terminal
// sends to the parent, such as Ctrl-C, does not reach it, and killing it takes along what it has started itself.
//
// It knows nothing of tasks. It works on Unix; elsewhere [Start] returns [ErrUnsupported].
package reexec

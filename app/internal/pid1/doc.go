// Package pid1 does the duties of process 1 in a container: it runs the program in a child process, passes signals on and
// reaps orphans.
package pid1

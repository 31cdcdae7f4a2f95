// Package scaffold writes a program that is begun with Ergon: one task with its test, a configuration, and what it takes to
// build it and to run it in containers. What it writes builds, passes its test and runs as it is, without the network where
// the modules that Ergon needs have been downloaded before.
package scaffold

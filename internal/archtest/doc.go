// Package archtest checks the shape of the source tree: which package imports which, that every package says what it is
// for, how long files and functions are, that every rule of the design has a test, and that no test waits in real time.
//
// The checks parse the files themselves. They never ask the go command, whose answer the test cache would not know to be
// out of date. Each is a function from a parsed Tree to the violations found, so that small trees made in memory can show
// that it is able to fail; the tests run it on this repository.
package archtest

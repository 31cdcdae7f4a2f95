// Package failpoint names the places at which a test may kill the process, to see what is there afterwards. It does nothing,
// and costs nothing, unless the program is built with the tag failpoints.
package failpoint

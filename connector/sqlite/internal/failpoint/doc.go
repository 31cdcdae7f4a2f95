// Package failpoint names the places at which a test may kill the process, to see what is there afterwards. It does nothing,
// and costs nothing, unless the program is built with the tag failpoints.
//
// A place is a step and a moment. The steps are the transactions of the connector: migrate, open, dispatch, claim (a fetch),
// extend, settle, hop, write (of dead letters), retry, drop, replay and tidy. The moments of each are begun (it has the write
// lock), done (all but the commit) and committed (nobody has heard of it yet).
package failpoint

// Package guard starts programs through a guard process, so that what a program leaves behind can be found and killed, and so
// that nothing goes on when the worker itself is killed. It works on Linux and is empty elsewhere.
//
//	worker ──socket──► guard process ──fork──► program ──fork──► …
//	   └───────────── three pipes of its own ─────┘
//
// The guard process is this program run once more: an init function of this package takes over before main does, so that
// whoever imports the package can be one. It is a subreaper: a descendant whose parent ends becomes its child, also after a
// double fork and setsid. One goroutine starts and reaps, and nothing there uses os/exec: a reaper beside os/exec takes exit
// codes away from it.
//
// A descendant is told from those of other programs by a variable in its environment. One that has cleared its environment is
// killed once every program has ended that ran when it was born.
//
// When the worker dies the socket closes; the guard kills what it has, until nothing is left, and ends. It has a session of its
// own, so that neither a terminal's Ctrl-C nor the killing of the worker's process group reaches it. If the guard itself is
// killed, its programs go on and nobody stops them; the next call starts another guard.
package guard

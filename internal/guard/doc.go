// Package guard starts programs through a guard process, so that processes which a program leaves behind are found and killed, and
// nothing continues when the worker is killed. It works on Linux and is empty elsewhere.
//
//	worker ──socket──► guard process ──fork──► program ──fork──► …
//	   └───────────── three pipes for each ───────┘
//
// The guard process is this program, executed once more. An init function of this package takes over before main begins, so any
// program that imports the package can be one. The guard is a subreaper: a descendant whose parent ends becomes its child, even
// after a double fork and setsid. One goroutine starts and reaps all programs, without os/exec, because a reaper would take exit
// codes away from os/exec.
//
// A variable in its environment says to which program a descendant belongs. A descendant that has cleared its environment is
// killed when all programs that ran at its birth have ended.
//
// When the worker dies, the socket closes. Then the guard kills all programs and their descendants, and exits. It has its own
// session, so a terminal's Ctrl-C and a signal to the worker's process group do not reach it. If the guard itself is killed, its
// programs continue and nothing stops them; the next call starts another guard.
package guard

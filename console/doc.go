// Package console is the web console of a program: what its tasks do, what became of the last transactions, attempt by
// attempt, the dead letters and what can be done about them, and the configuration in force. It is one handler, served by
// the operations endpoint of package ops.
//
// Pages are made on the server, charts included, and whole without JavaScript; forms are forms. With it, the parts of a page
// that change are made anew once a second and sent as server-sent events: the same templates make both. Nothing is loaded
// from elsewhere.
package console

// Package console is the web console of a program: the state of its tasks, the last transactions with their attempts, the dead
// letters and the actions on them, and the configuration in force. It is one handler, served by the operations endpoint of
// package ops.
//
// The server makes the pages, with their charts. They are complete without JavaScript, and use HTML forms. With JavaScript, the
// server renders the changing parts of a page once a second, with the same templates, and sends them as server-sent events.
// Nothing is loaded from elsewhere.
package console

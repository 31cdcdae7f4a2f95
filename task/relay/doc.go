// Package relay is the task of pipelines whose business logic is not written in Go: it hands each transaction's payload to a
// service, such as service/command or service/webhook, and what the service answers to the connector "output", where there is
// one.
//
//	input ──► payload ──► service ──► result ──► output
//	                         └─ error ──► retried, or a dead letter, as its category says
//
// The task knows no protocol: what a failure means is said by the service, with the marks of package ergon.
package relay

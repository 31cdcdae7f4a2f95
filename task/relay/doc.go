// Package relay is the task of pipelines with business logic that is not written in Go. It passes the payload of each transaction
// to a service, such as service/command or service/webhook, and sends the answer to the connector "output", if there is one.
//
//	input ──► payload ──► service ──► result ──► output
//	                         └─ error ──► retried, or a dead letter, as its category says
//
// The task knows no protocol. The service marks its errors with the functions of package ergon, and so decides what a failure
// means.
package relay

// Package webhook sends each transaction to a URL, so that business logic can be a service of any kind: the payload is the
// body of the request, and the body of the answer is the result.
//
//	2xx                      success
//	408, 425, 429, 5xx       SYSTEM, tried again; not before what Retry-After says
//	other 4xx                the transaction is at fault: BUSINESS, not tried again
//	3xx, where not followed  SYSTEM, not tried again: the configuration is at fault
//
// A request carries the transaction's id as Idempotency-Key, and traceparent, tracestate and baggage. Connections are kept and used again.
package webhook

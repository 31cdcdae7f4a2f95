// Package webhook sends each transaction to a URL, so business logic can be any service. The payload is the body of the
// request, and the body of the response is the result.
//
//	2xx                      success
//	408, 425, 429, 5xx       SYSTEM, retried, not before Retry-After
//	other 4xx                the transaction is at fault: BUSINESS, not retried
//	3xx, if not followed      SYSTEM, not retried: the configuration is at fault
//
// A request has the id of the transaction as Idempotency-Key, and traceparent, tracestate and baggage. Connections are reused.
package webhook

// Package ops serves the operations endpoint of a running program over HTTP: liveness and readiness, metrics and profiles, a
// JSON API with everything that the web console shows, and the console itself. It needs no telemetry backend. Its cost without a
// viewer is one snapshot of each task each second.
//
//	GET  /livez                                    200 while all loops make progress, 503 if one is stuck
//	GET  /readyz                                   200 while transactions are processed, 503 otherwise
//	GET  /metrics                                  if the program exports to Prometheus
//	GET  /debug/pprof/                             to this machine only
//	GET  /api/v1/overview                          tasks, workers, throughput, latencies
//	GET  /api/v1/series?task=&window=5m            the last hour at most
//	GET  /api/v1/events                            the overview once a second, as server-sent events
//	GET  /api/v1/transactions?task=&outcome=&q=    the last transactions
//	GET  /api/v1/transactions/{seq}                attempt by attempt
//	GET  /api/v1/dead-letters/{task}               and /groups, with the filters of the command line
//	GET  /api/v1/configuration                     in force, without secrets
//	POST /api/v1/tasks/{task}/pause                and /resume
//	POST /api/v1/tasks/{task}/concurrency          {"value": 8}
//	POST /api/v1/dead-letters/{task}/retry         and /drop: {"keys": […]}, filters, or {"all": true}
//
// # Access
//
// By default it listens on this machine only, and answers only requests to localhost, so that a web page cannot reach it under
// another name. If a token is set, every change requires it. On an address that other machines can reach, a token must be set,
// and reading requires it as well. Probes are always open; without the token they give only the name of a reason. Requests of
// a browser from another site are always refused.
package ops

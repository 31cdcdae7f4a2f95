// Package ops serves what operators and their machines want of a running program, over HTTP: whether it is alive and ready,
// its metrics and profiles, an interface in JSON for everything that the web console shows, and the console itself. It
// needs no telemetry backend. While nobody looks, it takes one snapshot of each task a second.
//
//	GET  /livez                                    200 while the loops turn, 503 where one stands still
//	GET  /readyz                                   200 while transactions are taken, 503 otherwise
//	GET  /metrics                                  where the program exports to Prometheus
//	GET  /debug/pprof/                             to this machine only
//	GET  /api/v1/overview                          tasks, workers, throughput, latencies
//	GET  /api/v1/series?task=&window=5m            the last hour at most
//	GET  /api/v1/events                            the overview once a second, as server-sent events
//	GET  /api/v1/transactions?task=&outcome=&q=    what became of the last
//	GET  /api/v1/transactions/{seq}                attempt by attempt
//	GET  /api/v1/dead-letters/{task}               and /groups, with the filters of the command line
//	GET  /api/v1/configuration                     in force, without secrets
//	POST /api/v1/tasks/{task}/pause                and /resume
//	POST /api/v1/tasks/{task}/concurrency          {"value": 8}
//	POST /api/v1/dead-letters/{task}/retry         and /drop: {"keys": […]}, filters, or {"all": true}
//
// # Who may do what
//
// It listens on this machine only, unless the configuration says otherwise; there it answers only requests that name this
// machine, so that no web page can reach it under a name of its own. What changes something needs the token wherever one is
// set, and one must be set to listen elsewhere; there looking needs it too. Probes are open always, and tell strangers no more
// than the name of a reason. A request that a browser sends from another site is refused always.
package ops

// Package ergon is what the author of a task uses: transactions, tasks, the contract of connectors, and functions that retry and
// bound any other function.
//
// A task is thin: it is business logic for one [Transaction] at a time. Ergon does everything around it, in the same way for
// every task and every transport:
//
//	fetch ──► process ──ok──► success ──ok──► settle: acknowledge
//	             │               │
//	           failed          failed
//	             └──────┬────────┘
//	                    ▼
//	                exception ──► settle: dead-letter, requeue or discard
//
// Each phase has its own attempts, timeouts and backoff (package policy). Timeouts are hard: at the deadline the lifecycle
// continues, even if the handler ignores its context. A transaction leaves its source only when its outcome is durable somewhere.
//
// A task consumes transactions ([Consume]), produces them ([Produce]), or does both ([Hybrid]). The outputs of a hybrid task are
// prepared between process and success, and are durable before the inbound transaction is acknowledged.
//
// Package runner runs tasks in a program, package app is a command line, and package config reads YAML. Package capability has
// the optional interfaces of connectors.
package ergon

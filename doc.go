// Package ergon is what the author of a task touches: transactions, tasks, the contract of connectors, and the
// primitives that retry and bound any function.
//
// A task is thin: pure business logic on one [Transaction] at a time. Ergon does the rest around it, the same way for
// every task and over every transport:
//
//	fetch ──► process ──ok──► success ──ok──► settle: acknowledge
//	             │               │
//	           failed          failed
//	             └──────┬────────┘
//	                    ▼
//	                exception ──► settle: dead-letter, requeue or discard
//
// Each phase has attempts, timeouts and backoff of its own (package policy). Timeouts are hard: at the deadline the
// lifecycle moves on, whether the handler heeds its context or not. A transaction leaves its source only when its
// outcome is durable somewhere.
//
// A task consumes transactions ([Consume]), produces them ([Produce]), or does both ([Hybrid]): then what came out of a
// transaction is prepared between process and success, and durable before the transaction is acknowledged.
//
// Package runner runs tasks in a program, package app is a whole command line, package config reads YAML.
package ergon

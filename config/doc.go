// Package config turns a YAML file into task configurations. It is strict: an unknown key or value is a fault. It reports all
// faults of a file at once, each with its place and its remedy.
//
//	# ergon.yaml
//	tasks:
//	  triage:                       # the task's name
//	    task: birdstrikes.triage    # which registered task; default: the task's name
//	    connectors:
//	      input:   {type: file, path: strikes.csv, format: csv}
//	      tickets: {type: file-sink, path: "${OUT:-out}/tickets.jsonl"}
//	    services:
//	      energy: {type: impact-energy, seed: 7}
//	    consumer:                   # a policy.Consumer
//	      loop: {concurrency: {value: 32}, on_exception: requeue}
//	      process: {retry: {max_attempts: 4, timeout: 250ms}}
//	    workers: {count: 1}         # a policy.Workers
//	    shutdown: {grace: 25s}      # a policy.Shutdown
//
// A [Registry], a value that the program makes, defines the types in the file. It may define further top-level keys, sections,
// for settings of the program as a whole. A key that is missing or null keeps its default. A list or mapping replaces the
// default one. Durations have units: 250ms, 1m30s. Anchors, aliases and merge keys work. Top-level keys that begin with "x-"
// are ignored, so they can hold anchors.
//
// References in scalars are replaced after the file was parsed, so a value cannot change the structure of the file:
//
//	${VAR}         the environment variable VAR, which must be set
//	${VAR:-text}   the same, or text where it is unset or empty
//	${file:path}   what is in a file, without one newline at its end; relative to the configuration's folder; a secret
//	$${            a literal ${
//
// Inside {…} and […] such a value needs quotes, because YAML treats the braces as its own.
package config

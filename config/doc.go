// Package config turns a YAML file into task configurations. It is strict: whatever is not understood is a fault, and all
// faults of a file are reported at once, each with its place and its cure.
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
// What the types in the file mean is said by a [Registry], a value that the program makes. So are further top-level keys:
// sections, settings of the program as a whole. What is not written keeps its default, and so does a key whose value is
// null. A list or mapping that is written replaces the default one. Durations have units: 250ms, 1m30s. Anchors, aliases
// and merge keys work; top-level keys that begin with "x-" are left alone, as a home for anchors.
//
// Scalars are interpolated after the file was parsed, so that a value cannot change the file's structure:
//
//	${VAR}         the environment variable VAR, which must be set
//	${VAR:-text}   the same, or text where it is unset or empty
//	${file:path}   what is in a file, without one newline at its end; relative to the configuration's folder; a secret
//	$${            a literal ${
//
// Inside {…} and […] such a value needs quotes, as YAML would take the brace for its own.
package config

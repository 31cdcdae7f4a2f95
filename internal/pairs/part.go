package pairs

import "fmt"

// part is a connector of the matrix.
type part struct {
	name string
	// config is the connector in the configuration of a row. %[1]s stands for its folder, %[2]s for the address of a PostgreSQL
	// database, %[3]s for the prefix of its tables there.
	config string
	// fill puts items where the source finds them. Nil for what is no source.
	fill func(s *rowRun, items []item) error
	// read returns the lines of JSON that are in it: what was sent to a sink, or the records of dead letters. Nil for what is
	// only a source.
	read func(s *rowRun) ([]string, error)
	// can is what the scenarios ask of it.
	can ability
	// refuses returns what the refusal of a row says that would cure it; "" where the part is not the reason for one.
	refuses func(Row) string
}

// ability is what a part can do beyond moving transactions.
type ability struct {
	// carriesKeys: its transactions have ordering keys.
	carriesKeys bool
	// acceptsLetters: it accepts the transaction of a dead letter again.
	acceptsLetters bool
	// keepsSettled: it can deliver once more what it has settled.
	keepsSettled bool
	// retriesLetters: dead letters in it can be listed and retried.
	retriesLetters bool
	// endsWithRun: what is sent to it from outside of a run is lost.
	endsWithRun bool
}

// Name is the part's value on its axis.
func (p part) Name() string { return p.name }

func (p part) line(s *rowRun) string { return fmt.Sprintf(p.config, s.folder, s.database, s.prefix()) }

// sources are what tasks read from. A source is one line.
func sources() []part {
	return []part{
		{
			name: "queue", config: `{type: queue, path: %[1]s/q.db, queue: in, retain_settled: 1h, finite: true}`, fill: enqueue,
			can: ability{carriesKeys: true, acceptsLetters: true, keepsSettled: true},
		},
		{
			name: "postgres", config: inPostgres(`postgres`, `, queue: in, retain_settled: 1h, finite: true`), fill: enqueuePostgres,
			can: ability{carriesKeys: true, acceptsLetters: true, keepsSettled: true},
		},
		{name: "csv", config: `{type: file, path: %[1]s/in.csv, numbers: [n]}`, fill: writeCSV, refuses: singleFile},
		{name: "jsonl", config: `{type: file, path: %[1]s/in.jsonl, checkpoint: in.checkpoint}`, fill: writeLines, refuses: singleFile},
		{
			name: "memory", config: `{type: memory, items: %[1]s/in.jsonl}`, fill: writeLines, can: ability{carriesKeys: true},
			refuses: ownMemory,
		},
		{name: "generator", config: `{type: generator, items: %[1]s/in.jsonl}`, fill: writeLines, refuses: inParts},
	}
}

// sinks are what tasks send to.
func sinks() []part {
	return []part{
		{name: "same-file", config: `{type: queue, path: %[1]s/q.db, queue: out}`, read: queued("q.db", "out")},
		{name: "other-file", config: `{type: queue, path: %[1]s/out.db, queue: out}`, read: queued("out.db", "out")},
		{name: "postgres", config: inPostgres(`postgres`, `, queue: out`), read: queuedPostgres},
		{name: "lines", config: `{type: file-sink, path: %[1]s/out.jsonl}`, read: lines("out.jsonl"), refuses: singleSink},
		{
			name: "memory", config: `{type: memory-sink, path: %[1]s/out.jsonl}`, read: lines("out.jsonl"),
			can: ability{endsWithRun: true}, refuses: ownMemory,
		},
	}
}

// letterStores are where dead letters go.
func letterStores() []part {
	return []part{
		{name: "same-file", config: `{type: dead-letters, path: %[1]s/q.db}`, read: buried("q.db"), can: ability{retriesLetters: true}},
		{
			name: "other-file", config: `{type: dead-letters, path: %[1]s/letters.db}`, read: buried("letters.db"),
			can: ability{retriesLetters: true},
		},
		{name: "postgres", config: inPostgres(`postgres-dead-letters`, ``), read: buriedPostgres, can: ability{retriesLetters: true}},
		{name: "lines", config: `{type: file-sink, path: %[1]s/letters.jsonl}`, read: lines("letters.jsonl"), refuses: singleSink},
		{name: "memory", config: `{type: memory-sink, path: %[1]s/letters.jsonl}`, read: lines("letters.jsonl"), refuses: ownMemory},
	}
}

// inParts is for a source of which each worker has a part: no worker has all of a key.
func inParts(r Row) string {
	if r[axisWorkers] != "1" && r[axisKey] == "key" {
		return "set workers.count to 1"
	}
	return ""
}

func singleFile(r Row) string {
	if r[axisWorkers] != "1" {
		return "one worker"
	}
	return ""
}

func singleSink(r Row) string {
	if r[axisWorkers] != "1" {
		return "one worker"
	}
	return ""
}

func ownMemory(r Row) string {
	if r[axisIsolation] == "process" {
		return "isolation: goroutine"
	}
	return ""
}

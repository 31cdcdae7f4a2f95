// Package records splits the content of a file into records: CSV with a header, JSON Lines, or one JSON array.
//
//	content.Buffer ─► splitter: where does the record end? ─► Record: line, content, problem ─► Payload: JSON
//
// A malformed record is a [Record] with a problem, and the records after it are read. An [UnreadableError] means that nobody can
// tell where the next record begins. A [Reader] holds one record in memory, and of a record above its limit the beginning only.
//
// The package knows neither the name of the file nor transactions. Its types are not safe for concurrent use.
package records

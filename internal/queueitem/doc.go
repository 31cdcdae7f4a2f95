// Package queueitem is what the queues in databases store of a transaction, whatever the database: the encoding of payload and
// metadata, the digest of the content, the plan of its delivery, and the fields of a dead letter. It knows no database.
package queueitem

package sqlite

import (
	"context"
	"errors"
)

// Commits is how many transactions of this process have changed the file.
func Commits(q *Queue) int64 { return q.store.Load().writer.commits }

// Exec runs a statement on the connection that writes.
func Exec(q *Queue, statement string) error {
	return q.store.Load().writer.exclusively(context.Background(), func(c *conn) error {
		_, err := c.exec(statement)
		return err
	})
}

// HoldWriter has all who write wait until release is called.
func HoldWriter(q *Queue) (release func()) {
	w := q.store.Load().writer
	if err := w.turn.begin(context.Background()); err != nil {
		panic(err)
	}
	return w.turn.end
}

// Statements are those of a queue at work, by their names.
func Statements() map[string]string {
	return map[string]string{
		"firstInLine": firstInLine, "firstOfLast": firstOfLast, "lastIsOut": lastIsOut, "claimOne": claimOne, "claimMany": claimMany,
		"selectBody": selectBody,
		"selectDue":  selectDue, "becomeReady": becomeReady, "returnLost": returnLost,
		"insertItem": insertItem, "keyInUse": keyInUse, "selectKnown": selectKnown, "deleteItem": deleteItem, "beginIntake": beginIntake,
		"setDigest":  setDigest,
		"letterItem": letterItem, "supersede": supersede, "letterIsAhead": letterIsAhead, "undoMany": undoMany, "deleteBody": deleteBody,
		"ackAndForget": ackAndForget, "ackAndKeepID": ackAndKeepID, "ackAndKeep": ackAndKeep,
		"ackManyAndForget": ackManyAndForget, "ackManyAndKeepID": ackManyAndKeepID, "ackManyAndKeep": ackManyAndKeep,
		"giveBack": giveBack, "stillOurs": stillClaimed,
		"firstOfKey": firstOfKey, "takeTurn": takeTurn, "forgetSettled": forgetSettled, "anyForgotten": anyForgotten,
		"extendLease": extendLease, "anyReady": anyReady, "nextDue": nextDue, "findByID": findByID, "stateByID": stateByID,
		"replaceLetter": replaceLetter,
	}
}

// Pages is how large the file is.
func Pages(q *Queue) (n int64) {
	err := q.read(context.Background(), "count", func(c *conn) (err error) {
		n, err = c.number(context.Background(), "PRAGMA page_count")
		return err
	})
	if err != nil {
		panic(err)
	}
	return n
}

// Pragma is a setting of the connection that writes.
func Pragma(q *Queue, name string) (n int64) {
	err := q.store.Load().writer.exclusively(context.Background(), func(c *conn) (err error) {
		n, err = c.number(context.Background(), "PRAGMA "+name)
		return err
	})
	if err != nil {
		panic(err)
	}
	return n
}

// LookAgain has the next call look at all parts of the file, as it would a second later.
func LookAgain(q *Queue) { q.store.Load().place.checked.Store(0) }

// OpenAsAnotherProcess opens and closes the file of a configuration with connections of its own.
func OpenAsAnotherProcess(ctx context.Context, c DatabaseConfig) error {
	info, err := create(c.file())
	if err != nil {
		return err
	}
	s, err := openStore(ctx, c, info)
	if err != nil {
		return err
	}
	return errors.Join(s.reader.close(ctx), s.writer.close(ctx))
}

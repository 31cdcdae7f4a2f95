package sqlite

import "context"

// turn is a mutex whose waiting ends with a context.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// begin takes the turn, also with a context that has ended, where it is free.
func (t turn) begin(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	default:
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) end() { <-t }

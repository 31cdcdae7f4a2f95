package pairs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

const (
	scenarioAck     = "ack"
	scenarioRequeue = "requeue"
	scenarioRetry   = "retry"
	scenarioReplay  = "replay"
	scenarioEdit    = "edit"
)

// scenario says what happens to some transactions of a row, and which commands follow.
type scenario struct {
	name string
	run  func(ctx context.Context, s *rowRun) error
}

// Name is the scenario's value on its axis.
func (s scenario) Name() string { return s.name }

func scenarios() []scenario {
	return []scenario{
		{scenarioAck, acked}, {scenarioRequeue, acked}, {scenarioRetry, retried}, {scenarioReplay, replayed}, {scenarioEdit, changed},
	}
}

// RunRow runs a row in an empty folder and returns everything that is wrong with what came out. database is the address of a
// PostgreSQL database, for a row that needs one.
func RunRow(ctx context.Context, row Row, folder, binary, database string) error {
	s, err := newRowRun(row, folder, binary, database)
	if err != nil {
		return err
	}
	if cures := Cures(row); len(cures) > 0 {
		return s.refusedRow(ctx, cures)
	}
	return find(scenarios(), row[axisScenario]).run(ctx, s)
}

// Cures are what the refusal of a row names; none for a row that runs.
func Cures(row Row) []string {
	var cures []string
	for _, p := range []part{find(sources(), row[axisSource]), find(sinks(), row[axisSink]), find(letterStores(), row[axisLetters])} {
		if p.refuses != nil {
			if cure := p.refuses(row); cure != "" {
				cures = append(cures, cure)
			}
		}
	}
	return cures
}

// refusedRow demands that run, lint and doctor refuse the row alike, and that nothing has happened.
func (s *rowRun) refusedRow(ctx context.Context, cures []string) error {
	var faults []error
	for _, cure := range cures {
		for _, command := range []string{"lint", "doctor", "run"} {
			faults = append(faults, s.refused(ctx, cure, command))
		}
	}
	return errors.Join(append(faults, s.sent(count{}), s.dead(func(int) bool { return false }))...)
}

// acked: everything arrives, in whatever deliveries.
func acked(ctx context.Context, s *rowRun) error {
	return errors.Join(s.succeed(ctx, "run"), s.sent(wants(1, anyItem)), s.dead(func(int) bool { return false }), s.inOrder())
}

// retried: some become dead letters, what was wrong is put right, and they are requeued.
func retried(ctx context.Context, s *rowRun) error {
	err := errors.Join(s.succeed(ctx, "run"), s.sent(wants(1, unaffected)), s.dead(affected), s.inOrder(), s.mark(fixedFile))
	if err != nil {
		return err
	}
	switch {
	case !s.letters.can.retriesLetters:
		return errors.Join(s.refused(ctx, "dead letters", "dlq", "retry", "copy", "--all", "--yes"), s.dead(affected))
	case s.source.can.acceptsLetters:
		err = errors.Join(s.succeed(ctx, "dlq", "retry", "copy", "--all", "--yes"), s.succeed(ctx, "run"))
	default:
		// A source that takes nothing: the letters stay, and the command names the other way.
		err = errors.Join(s.refused(ctx, "replay copy", "dlq", "retry", "copy", "--all", "--yes"), s.dead(affected))
		if s.sink.can.endsWithRun {
			return errors.Join(err, s.refused(ctx, "use a queue", "replay", "copy", "--all", "--yes"), s.dead(affected))
		}
		err = errors.Join(err, s.succeed(ctx, "replay", "copy", "--all", "--yes"))
	}
	return errors.Join(err, s.sent(wants(1, anyItem)), s.dead(func(int) bool { return false }))
}

// replayed: the task is corrected, and what it has settled is done once more.
func replayed(ctx context.Context, s *rowRun) error {
	err := errors.Join(s.succeed(ctx, "run"), s.sent(wants(1, anyItem)), s.inOrder(), s.mark(correctedFile))
	if err != nil {
		return err
	}
	replay := []string{"replay", "copy", "--settled", "--all", "--yes"}
	if !s.source.can.keepsSettled {
		return errors.Join(s.refused(ctx, "type queue", replay...), s.sent(wants(1, anyItem)))
	}
	return errors.Join(s.succeed(ctx, replay...), s.succeed(ctx, "run"), s.sent(wants(1, anyItem).and(wants(2, anyItem))))
}

// changed: some become dead letters, and a few of them are requeued with another payload.
func changed(ctx context.Context, s *rowRun) error {
	err := errors.Join(s.succeed(ctx, "run"), s.sent(wants(1, unaffected)), s.dead(affected))
	if err != nil {
		return err
	}
	if !s.letters.can.retriesLetters {
		return errors.Join(s.refused(ctx, "dead letters", "dlq", "retry", "copy", "--all", "--yes"), s.dead(affected))
	}
	keys, err := s.letterKeys(ctx)
	if err != nil {
		return err
	}
	const few = 3
	left, arrived := affected, wants(1, unaffected)
	for n := range itemCount {
		if !affected(n) || n > few*10 {
			continue
		}
		edit := []string{"dlq", "retry", "copy", keys[n], "--payload-json", string(encoded(item{N: n + edited}))}
		if !s.source.can.acceptsLetters {
			err = errors.Join(err, s.refused(ctx, "replay copy", edit...))
			continue
		}
		err = errors.Join(err, s.succeed(ctx, edit...))
		arrived[contentOf(n+edited, 1)]++
		left = func(n int) bool { return affected(n) && n > few*10 }
	}
	return errors.Join(err, s.dead(left), s.rerun(ctx), s.sent(arrived), s.dead(left))
}

// rerun runs the task once more where its source keeps what it was given; any other would start again.
func (s *rowRun) rerun(ctx context.Context) error {
	if !s.source.can.acceptsLetters {
		return nil
	}
	return s.succeed(ctx, "run")
}

// letterKeys returns the keys of the dead letters by the numbers of their items.
func (s *rowRun) letterKeys(ctx context.Context) (map[int]string, error) {
	a, err := s.command(ctx, "dlq", "export", "--file", "exported.jsonl")
	if err != nil || a.code != 0 {
		return nil, errors.Join(err, fmt.Errorf("want the letters: %s", a))
	}
	texts, err := lines("exported.jsonl")(s)
	keys := map[int]string{}
	for _, text := range texts {
		var letter struct {
			Key     string `json:"key"`
			Payload item   `json:"payload"`
		}
		if err := json.Unmarshal([]byte(text), &letter); err != nil {
			return nil, fmt.Errorf("a letter is exported as %q: %w", text, err)
		}
		keys[letter.Payload.N] = letter.Key
	}
	return keys, err
}

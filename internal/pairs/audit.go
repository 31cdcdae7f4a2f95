package pairs

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// count is how often each content is there.
type count map[string]int

// wants are the contents of results of the given version, once each, of the items that match.
func wants(version int, match func(n int) bool) count {
	all := count{}
	for n := range itemCount {
		if match(n) {
			all[contentOf(n, version)]++
		}
	}
	return all
}

func (c count) and(others count) count {
	all := maps.Clone(c)
	for content, n := range others {
		all[content] += n
	}
	return all
}

func contentOf(n, version int) string { return fmt.Sprintf("%d in version %d", n, version) }

func anyItem(int) bool { return true }

func unaffected(n int) bool { return !affected(n) }

// differs says what of want is not there, and what is there beside it; nil where nothing is.
func (c count) differs(what string, want count) error {
	var faults []string
	for _, content := range slices.Sorted(maps.Keys(c.and(want))) {
		if c[content] != want[content] {
			faults = append(faults, fmt.Sprintf("%s: %d times, want %d", content, c[content], want[content]))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	const shown = 5
	return fmt.Errorf("%s: %d contents differ: %s", what, len(faults), strings.Join(faults[:min(shown, len(faults))], "; "))
}

// sent demands that the sink has exactly these results.
func (s *rowRun) sent(want count) error {
	texts, err := s.sink.read(s)
	if err != nil {
		return fmt.Errorf("read the sink: %w", err)
	}
	got := count{}
	for _, text := range texts {
		var r result
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return fmt.Errorf("the sink has %q: %w", text, err)
		}
		got[contentOf(r.N, r.Version)]++
	}
	return got.differs("sink", want)
}

// dead demands that there are exactly the dead letters of the items that match, each with the content of its item.
func (s *rowRun) dead(match func(n int) bool) error {
	texts, err := s.letters.read(s)
	if err != nil {
		return fmt.Errorf("read the dead letters: %w", err)
	}
	got, want := count{}, count{}
	for _, text := range texts {
		var letter struct {
			Payload item `json:"payload"`
		}
		if err := json.Unmarshal([]byte(text), &letter); err != nil {
			return fmt.Errorf("a dead letter is %q: %w", text, err)
		}
		got[contentOf(letter.Payload.N, 1)]++
	}
	for n := range itemCount {
		if match(n) {
			want[contentOf(n, 1)]++
		}
	}
	return got.differs("dead letters", want)
}

// inOrder demands, where the row asks for it, that the items of each key were processed in their order.
func (s *rowRun) inOrder() error {
	if s.row[axisKey] != "key" || !s.source.can.carriesKeys {
		return nil
	}
	texts, err := lines(journalFile)(s)
	if err != nil {
		return err
	}
	last := map[string]int{}
	var faults []error
	for _, text := range texts {
		var key string
		var n int
		if _, err := fmt.Sscan(text, &key, &n); err != nil {
			return fmt.Errorf("the journal has %q: %w", text, err)
		}
		if before, known := last[key]; known && n < before {
			faults = append(faults, fmt.Errorf("%s: item %d came after %d", key, n, before))
		}
		last[key] = n
	}
	return errors.Join(faults...)
}

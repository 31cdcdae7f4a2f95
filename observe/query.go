package observe

import "strings"

// Query chooses transactions: those that match all of what is set. The zero value matches all.
type Query struct {
	// Task and Outcome match where they are equal.
	Task, Outcome string
	// Text matches where the id, the error or a value of the metadata contains it, whatever its case.
	Text string
	// Limit is how many at most; 0: all that match.
	Limit int
}

// Recent returns what matches, the latest first.
func (r *Recorder) Recent(q Query) []Transaction {
	var found []Transaction
	q.Text = strings.ToLower(q.Text)
	for t := range r.backward(0) {
		if q.Limit > 0 && len(found) == q.Limit {
			break
		}
		if q.matches(t) {
			found = append(found, t)
		}
	}
	return found
}

func (q Query) matches(t Transaction) bool {
	return (q.Task == "" || q.Task == t.Task) && (q.Outcome == "" || q.Outcome == t.Outcome) && (q.Text == "" || q.contained(t))
}

func (q Query) contained(t Transaction) bool {
	if contains(t.ID, q.Text) || contains(t.Error, q.Text) {
		return true
	}
	for _, value := range t.Metadata {
		if contains(value, q.Text) {
			return true
		}
	}
	return false
}

func contains(text, lower string) bool { return strings.Contains(strings.ToLower(text), lower) }

package observe

import "strings"

// Query selects the transactions that match all set fields. The zero value matches all.
type Query struct {
	// Task and Outcome match transactions with the same value. "" matches all.
	Task, Outcome string
	// Text matches if the id, the error or a value of the metadata contains it. Case is ignored.
	Text string
	// Limit is the maximum number; 0 means no limit.
	Limit int
}

// Recent returns the transactions that match, the latest first.
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

package memory

// signal wakes everybody who waits for it. Raising it costs nothing while nobody does. The queue's mutex guards it.
type signal struct{ raised chan struct{} }

// wait returns a channel that is closed when the signal is raised next.
func (s *signal) wait() <-chan struct{} {
	if s.raised == nil {
		s.raised = make(chan struct{})
	}
	return s.raised
}

func (s *signal) raise() {
	if s.raised != nil {
		close(s.raised)
		s.raised = nil
	}
}

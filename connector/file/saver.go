package file

import (
	"fmt"
	"sync"
	"time"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

// saver writes the checkpoint after enough acknowledgements or enough time. It is safe for concurrent use.
type saver struct {
	file     *checkpointFile
	template checkpoint
	every    int64
	interval time.Duration
	done     func() (count int64, end content.Position) // what is done now

	writing sync.Mutex // held while the file is touched; before mu

	mu     sync.Mutex
	saved  int64 // what was done when it was last written
	begun  bool  // the checkpoint names the generation
	err    error // of the last attempt
	timer  *time.Timer
	closed bool
}

// note is called after records were acknowledged. It writes the checkpoint at CheckpointEvery, and otherwise starts a timer for
// the interval. It keeps an error for healthy.
func (s *saver) note() {
	count, _ := s.done()
	s.mu.Lock()
	missing := count - s.saved
	enough := min(s.every, max(s.saved, 1)) // so that half of what was done is kept, however soon the process dies
	if missing > 0 && missing < enough && s.timer == nil && !s.closed {
		s.timer = time.AfterFunc(s.interval, s.save)
	}
	s.mu.Unlock()
	if missing >= enough {
		s.save()
	}
}

// begin makes the generation durable before the first record with it is delivered.
func (s *saver) begin() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	begun := s.begun
	s.mu.Unlock()
	if begun {
		return nil
	}
	c := s.template
	_, c.Position = s.done()
	if err := s.file.found(c); err != nil {
		return fmt.Errorf("checkpoint %s: cannot be written, and without it no record has an id that lasts: %w", s.file.at, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true
	return nil
}

// healthy writes the checkpoint again if the last attempt failed, and returns the error if it fails again.
func (s *saver) healthy() error {
	s.mu.Lock()
	failed := s.err != nil
	s.mu.Unlock()
	if failed {
		s.save()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *saver) save() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	saved, closed := s.saved, s.closed
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.mu.Unlock()
	count, end := s.done()
	if closed || count == saved {
		return
	}
	c := s.template
	c.Position = end
	err := s.file.save(c)
	if err != nil {
		err = fmt.Errorf("checkpoint %s: cannot be written, so a restart would repeat work that is done: %w", s.file.at, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.saved = count
	}
}

// remove deletes the checkpoint and stops the saver.
func (s *saver) remove() error {
	s.end()
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.file.remove(); err != nil {
		return fmt.Errorf("checkpoint %s: cannot be removed: %w; the next run would find nothing to do, so delete it", s.file.at, err)
	}
	return nil
}

func (s *saver) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.err = nil
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// close writes the checkpoint and closes its file.
func (s *saver) close() error {
	s.save()
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	s.end()
	s.writing.Lock()
	defer s.writing.Unlock()
	if closing := s.file.close(); err == nil && closing != nil {
		err = fmt.Errorf("checkpoint %s: %w", s.file.at, closing)
	}
	return err
}

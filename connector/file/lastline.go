package file

import (
	"context"
	"errors"
	"time"
)

// linewise reports whether a record ends with its line, so a last one without a line end may be unfinished.
func (p *pass) linewise() bool { return p.config.format() != FormatJSON }

// lastLine decides about a last record without a line end.
func (s *Source) lastLine(ctx context.Context, line int64) error {
	switch {
	case !s.pass.linewise():
		return nil
	case s.settings.LastLine == LastLineRefuse:
		return s.pass.unreadableAt(line, errNoLineEnd)
	}
	s.logger.WarnContext(ctx, "the last line of the file has no line end and is taken as it is; last_line can wait for it, or refuse it",
		"file", s.document.path, "line", line)
	return nil
}

var errNoLineEnd = errors.New("the last line has no line end, so somebody may still be writing it; finish it, or set last_line to take")

// waitFor returns nil while the last line may still be finished.
func (s *Source) waitFor() error {
	if s.unfinished.IsZero() {
		s.unfinished = time.Now()
	}
	if time.Since(s.unfinished) < s.settings.LastLineTimeout {
		return nil
	}
	return s.stopped(s.pass.unreadable(errNoLineEnd))
}

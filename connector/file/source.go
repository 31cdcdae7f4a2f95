package file

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file/internal/content"
)

var (
	_ ergon.Opener        = (*Source)(nil)
	_ ergon.Fetcher       = (*Source)(nil)
	_ capability.Settler  = (*Source)(nil)
	_ capability.Counter  = (*Source)(nil)
	_ capability.Resolver = (*Source)(nil)
	_ capability.Finisher = (*Source)(nil)
	_ ergon.Closer        = (*Source)(nil)

	_ capability.WorkerBound = (*Source)(nil)
)

// errNotOpen means that a source or sink was used before Open or after Close.
var errNotOpen = errors.New("is not open")

// Source delivers the records of a file. Its methods are safe for concurrent use; concurrent fetches wait for each other.
type Source struct {
	settings SourceSettings
	root     *os.Root
	logger   *slog.Logger
	document document
	ids      recordIDs
	from     content.Position // where this source began
	saver    *saver           // nil without a checkpoint

	turn chan struct{} // held by a fetch, and at last by Close
	wake chan struct{} // notified of each settlement
	stop chan struct{} // closed by Close
	pass *pass         // held with turn

	changes changes // of the file, meanwhile; held with turn

	unfinished time.Time // since when the end of the last line is waited for; held with turn

	unreported error // of a read behind records that were delivered; held with turn

	closing  sync.Once
	closeErr error

	mu       sync.Mutex
	isOpen   bool
	window   window
	requeued requeued
	ended    error // why nothing more can be read: ergon.ErrExhausted, or what is wrong with the file
	total    int64 // records from where this source began; -1 before they are counted
}

// NewSource returns a source that is not open yet. If the settings are invalid, the error has every fault, each a *policy.Fault.
func NewSource(s SourceSettings) (*Source, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &Source{
		settings: s,
		logger:   slog.New(slog.DiscardHandler),
		turn:     make(chan struct{}, 1),
		wake:     make(chan struct{}, 1),
		stop:     make(chan struct{}),
		total:    -1,
	}, nil
}

// BindWorker lets the source log with the logger of its worker.
func (s *Source) BindWorker(w capability.Worker) { s.logger = w.Logger }

// Open opens the file, reads its header, and goes to the first record that is not done. Its error names the file, the problem and
// the remedy. The file may be missing or empty, may be something other than a file, or may have another format. The header may
// have empty or repeated names. The checkpoint may be damaged or in use, or may belong to another file.
//
// Continuing from a checkpoint costs nothing if the file is not compressed and its inode shows no change.
// Otherwise everything before the position is read and compared. Changes behind the position do not matter.
func (s *Source) Open(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return prefixed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isOpen = true
	if s.settings.LastLine == LastLineWait && s.pass.linewise() {
		s.pass.reader.WaitForLastLine()
	}
	s.window.end = s.from
	s.changes = changesOf(s.pass)
	s.turn <- struct{}{}
	return nil
}

func (s *Source) open(ctx context.Context) error {
	if err := s.locate(); err != nil {
		return err
	}
	var err error
	if s.pass, err = s.document.begin(ctx); err != nil {
		return err
	}
	s.from = s.pass.first
	var generation string
	if s.settings.Checkpoint == "" || s.settings.Identity == IdentityContent {
		if generation, err = s.pass.generation(ctx, s.settings.FS != nil); err != nil {
			return err
		}
	} else {
		generation = randomGeneration()
	}
	s.ids = newRecordIDs(s.settings.name(), generation)
	if s.settings.Checkpoint == "" {
		return nil
	}
	return s.resume(ctx)
}

func (s *Source) locate() error {
	c := s.settings.SourceConfig
	if s.settings.FS != nil {
		s.document = newDocument(c, s.settings.FS, c.Path, c.Path)
		return nil
	}
	at := locate(c.Dir, c.Path)
	root, err := at.openRoot(false)
	if err != nil {
		return err
	}
	s.root = root
	s.document = newDocument(c, root.FS(), at.name, at.String())
	return nil
}

// resume loads the checkpoint and continues at its position.
func (s *Source) resume(ctx context.Context) error {
	file, err := openCheckpointFile(locate(s.settings.Dir, s.settings.Checkpoint))
	if err != nil {
		return err
	}
	s.saver = &saver{
		file: file, template: s.pass.checkpoint(), every: int64(s.settings.CheckpointEvery),
		interval: s.settings.CheckpointInterval, done: s.done,
	}
	s.saver.template.Generation = s.ids.generation
	c, found, err := file.load()
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w; delete it to process %s from its beginning", file.at, err, s.document.path)
	}
	if !found {
		return nil
	}
	if difference := c.difference(s.saver.template); difference != "" {
		return fmt.Errorf("checkpoint %s: %s; give each source its own checkpoint, or delete this one to process %s "+
			"from its beginning", file.at, difference, s.document.path)
	}
	err = s.pass.goTo(ctx, c.Position, c.sameFile(s.saver.template))
	switch {
	case err == nil:
		s.goOn(c)
		return nil
	case !errors.Is(err, content.ErrChanged):
		return fmt.Errorf("checkpoint %s: %w", file.at, err)
	case c.done(s.pass.in.Compressed()) || s.settings.OnReplaced == ReplacedBegin:
		return s.beginAnew(ctx, c)
	}
	return fmt.Errorf("checkpoint %s: %s is not the file that it was made for, which was processed up to line %d and not to its end: %w; "+
		"put that file back; or set on_replaced to begin, or delete the checkpoint, to skip the rest of that file and process this one "+
		"from its beginning", file.at, s.document.path, c.Position.Line-1, err)
}

// goOn continues the generation of a checkpoint. If it has none yet, it gets the new one.
func (s *Source) goOn(c checkpoint) {
	s.from = c.Position
	if c.Generation == "" {
		return
	}
	s.ids = newRecordIDs(s.settings.name(), c.Generation)
	s.saver.template.Generation = c.Generation
	s.saver.begun = true
}

// beginAnew begins with a file that has replaced the one of the checkpoint.
func (s *Source) beginAnew(ctx context.Context, c checkpoint) error {
	s.logger.WarnContext(ctx, "another file is in the place of the one that was read before; it is processed from its beginning",
		"file", s.document.path, "done_before", c.Position.Line-1, "generation", s.ids.generation)
	err := s.pass.close()
	s.pass = nil
	if err != nil {
		return err
	}
	if s.pass, err = s.document.begin(ctx); err != nil {
		return err
	}
	s.saver.template = s.pass.checkpoint()
	s.saver.template.Generation = s.ids.generation
	return nil
}

// done returns what the saver stores: the number of records before the position, and the position.
func (s *Source) done() (int64, content.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.window.done, s.window.end
}

// Finish removes the checkpoint if the file has been read to its end and everything is acknowledged: the next run starts
// at the beginning. Otherwise the checkpoint is written and stays.
func (s *Source) Finish(context.Context) error {
	s.mu.Lock()
	complete := errors.Is(s.ended, ergon.ErrExhausted) && s.window.open == 0
	s.mu.Unlock()
	if err := s.opened(); err != nil || s.saver == nil {
		return err
	}
	if complete {
		return prefixed(s.saver.remove())
	}
	s.saver.save()
	return prefixed(s.saver.healthy())
}

// Close writes the checkpoint and closes the file. It waits for a fetch in progress until ctx ends. If the fetch has not returned
// by then, the file stays open. A second Close does nothing and returns the result of the first.
func (s *Source) Close(ctx context.Context) error {
	s.closing.Do(func() { s.closeErr = s.close(ctx) })
	return s.closeErr
}

func (s *Source) close(ctx context.Context) error {
	s.mu.Lock()
	wasOpen := s.isOpen
	s.isOpen = false
	s.mu.Unlock()
	if wasOpen {
		close(s.stop)
		select {
		case <-s.turn:
		case <-ctx.Done():
			return fmt.Errorf("file source: close %s while it is read: %w", s.document.path, context.Cause(ctx))
		}
	}
	var errs []error
	if s.saver != nil {
		errs = append(errs, s.saver.close())
	}
	if s.pass != nil {
		errs = append(errs, s.pass.close())
	}
	if s.root != nil {
		errs = append(errs, s.root.Close())
	}
	return prefixed(errors.Join(errs...))
}

func (s *Source) opened() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return s.errNotOpen()
	}
	return nil
}

func (s *Source) errNotOpen() error {
	return fmt.Errorf("file source: %s %w", s.settings.Path, errNotOpen)
}

// prefixed adds the source to an error.
func prefixed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("file source: %w", err)
}

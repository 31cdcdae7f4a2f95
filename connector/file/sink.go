package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

var (
	_ ergon.Opener        = (*Sink)(nil)
	_ ergon.Dispatcher    = (*Sink)(nil)
	_ capability.Replacer = (*Sink)(nil)
	_ ergon.Closer        = (*Sink)(nil)
)

// Sink writes each transaction as a line of JSON to a file. Its methods are safe for concurrent use.
type Sink struct {
	settings SinkSettings
	log      *slog.Logger
	at       location // the file
	open     location // what is written to: the file, or its part
	root     *os.Root
	file     *os.File

	mu       sync.Mutex
	writer   *writer // nil before Open
	finished bool    // by Finish, of a sink that replaces
	closed   bool
	closeErr error
}

// NewSink returns a sink that is not open yet. If the settings are invalid, the error has every fault, each a *policy.Fault.
func NewSink(s SinkSettings) (*Sink, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	k := &Sink{settings: s, log: s.Logger, at: locate(s.Dir, s.Path)}
	if k.log == nil {
		k.log = slog.Default()
	}
	k.open = k.at
	if s.Mode == ModeReplace {
		k.open = k.at.beside(partialSuffix)
	}
	return k, nil
}

// Open opens or creates the file and locks it. After a crash, the last line may have no line end. Such a line was never reported
// as written. Open moves it to path.torn, or adds the line end if nothing else is missing, and logs a warning.
func (k *Sink) Open(ctx context.Context) error {
	end, err := k.prepare(ctx)
	if err != nil {
		return fmt.Errorf("file sink: %s: %w", k.at, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writer = startWriter(k.file, end)
	return nil
}

// prepare returns the length of the content that stays.
func (k *Sink) prepare(ctx context.Context) (int64, error) {
	var err error
	if k.root, err = k.at.openRoot(k.settings.MakeDirs); err != nil {
		return 0, err
	}
	if k.settings.MakeDirs {
		if err := makeParents(k.root, k.at.name); err != nil {
			return 0, err
		}
	}
	if k.file, err = k.openFile(); err != nil {
		return 0, err
	}
	anew, err := k.beginsAnew()
	if err != nil {
		return 0, err
	}
	if anew {
		if err := k.file.Truncate(0); err != nil {
			return 0, because(err)
		}
	}
	repair, err := repairTail(k.root, k.file, k.open.name)
	if err != nil {
		return 0, err
	}
	k.report(ctx, repair)
	if err := k.file.Sync(); err != nil {
		return 0, fmt.Errorf("sync: %w", because(err))
	}
	return repair.end, syncParents(k.root, k.open.name)
}

// beginsAnew reports whether an unfinished file of an earlier run is not continued.
func (k *Sink) beginsAnew() (bool, error) {
	if k.settings.Mode != ModeReplace || (k.settings.Resume && k.settings.ResumeWith == "") {
		return false, nil
	}
	if !k.settings.Resume {
		return true, nil
	}
	at := locate(k.settings.Dir, k.settings.ResumeWith)
	root, err := at.openRoot(false)
	if err != nil {
		return false, fmt.Errorf("resume_with: %w", err)
	}
	_, err = root.Stat(at.name)
	if closed := root.Close(); closed != nil {
		return false, fmt.Errorf("resume_with: %s: %w", at, because(closed))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("resume_with: %s: %w", at, because(err))
	}
	return false, nil
}

// checkKinds reports a path that exists and is not a file.
func (k *Sink) checkKinds(root *os.Root) error {
	for _, name := range []string{k.at.name, k.open.name} {
		info, err := root.Stat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return because(err)
		}
		if err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is %s, must be a file; correct path", name, kindOf(info.Mode()))
		}
	}
	return nil
}

func (k *Sink) openFile() (*os.File, error) {
	if err := k.checkKinds(k.root); err != nil {
		return nil, err
	}
	file, err := lockFile(k.root, k.open.name, os.O_RDWR|os.O_CREATE)
	switch {
	case errors.Is(err, errLocked):
		return nil, fmt.Errorf("%w: another sink writes to it; wait for its end, or give this sink its own path", err)
	case err != nil:
		return nil, unopened(err)
	}
	return file, nil
}

// unopened explains why a file cannot be opened for writing.
func unopened(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missingParent(err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let the user that runs this write it", because(err))
	default:
		return because(err)
	}
}

func missingParent(err error) error {
	return fmt.Errorf("%w; create its directory, or set make_dirs", because(err))
}

func (k *Sink) report(ctx context.Context, r repair) {
	switch {
	case r.moved > 0:
		k.log.WarnContext(ctx, "the last line of the file was cut short; it is moved aside",
			slog.String("file", k.open.String()), slog.String("moved_to", k.open.beside(tornSuffix).String()), slog.Int64("bytes", r.moved))
	case r.added:
		k.log.WarnContext(ctx, "the last line of the file had no line end; it has one now", slog.String("file", k.open.String()))
	}
	if k.settings.Mode == ModeReplace && r.end > 0 {
		k.log.InfoContext(ctx, "going on with the file of a run that was not finished",
			slog.String("file", k.open.String()), slog.Int64("bytes", r.end))
	}
}

// DispatchTransactions writes a line for each transaction, in the order of batch, and returns nil when the disk has them. Bytes
// that are JSON are written as they are, except white space. Other bytes are written as a string if they are text, otherwise as
// {"base64": …}. Other values are encoded by encoding/json.
//
// It needs one write and one sync. All calls that start during the previous sync share them. A *BatchError names the transactions
// that do not encode. If the disk fails or is full, that write is undone, and a later call tries again. If ctx ends before the
// write begins, nothing is written. If it ends during the write, the transactions may be in the file, and the error reports that.
func (k *Sink) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	if ctx.Err() != nil {
		return fmt.Errorf("file sink: write %d transactions to %s: %w", len(batch), k.at, context.Cause(ctx))
	}
	writer, err := k.writable()
	if err != nil {
		return err
	}
	encoder := newEncoder(k.settings.Envelope)
	var failures map[int]error
	for i := range batch {
		if err := encoder.add(batch[i]); err != nil {
			if failures == nil {
				failures = map[int]error{}
			}
			failures[i] = err
		}
	}
	if encoder.lines.Len() > 0 {
		if err := writer.write(ctx, encoder.lines.Bytes()); err != nil {
			return fmt.Errorf("file sink: write %d transactions to %s: %w", len(batch), k.open, err)
		}
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

func (k *Sink) writable() (*writer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.finished:
		return nil, fmt.Errorf("file sink: %s is finished, nothing can be added to it", k.at)
	case k.writer == nil || k.closed:
		return nil, k.errNotOpen()
	default:
		return k.writer, nil
	}
}

// ReplacesResult reports whether the mode is replace.
func (k *Sink) ReplacesResult() bool { return k.settings.Mode == ModeReplace }

// Finish replaces the old file by the new one, atomically. After that nothing can be written. In mode append it does nothing.
func (k *Sink) Finish(ctx context.Context) error {
	if k.settings.Mode != ModeReplace {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.finished:
		return nil
	case k.writer == nil || k.closed:
		return k.errNotOpen()
	}
	if err := k.putInPlace(ctx, k.writer); err != nil {
		return fmt.Errorf("file sink: %s is complete, but could not be made %s: %w", k.open, k.at, err)
	}
	k.finished = true
	return nil
}

func (k *Sink) putInPlace(ctx context.Context, writer *writer) error {
	if err := writer.close(ctx); err != nil {
		return err
	}
	if err := k.root.Rename(k.open.name, k.at.name); err != nil {
		return because(err)
	}
	return syncParents(k.root, k.at.name)
}

// Close waits for a write in progress, at most until ctx ends, and closes the file. An unfinished file stays, and the next run
// may continue it. A second Close does nothing and returns the result of the first.
func (k *Sink) Close(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return k.closeErr
	}
	k.closed = true
	if err := k.close(ctx); err != nil {
		k.closeErr = fmt.Errorf("file sink: close %s: %w", k.open, err)
	}
	return k.closeErr
}

func (k *Sink) close(ctx context.Context) error {
	if k.writer != nil {
		if err := k.writer.close(ctx); err != nil {
			return err
		}
	}
	var errs []error
	if k.file != nil {
		errs = append(errs, k.file.Close())
	}
	if k.root != nil {
		errs = append(errs, k.root.Close())
	}
	return errors.Join(errs...)
}

func (k *Sink) errNotOpen() error { return fmt.Errorf("file sink: %s %w", k.at, errNotOpen) }

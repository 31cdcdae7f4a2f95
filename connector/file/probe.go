package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ergon-go/ergon/capability"
)

var (
	_ capability.Prober = (*Source)(nil)
	_ capability.Storer = (*Source)(nil)
	_ capability.Prober = (*Sink)(nil)
	_ capability.Storer = (*Sink)(nil)
)

// Probe opens the file and reads its header, as Open does. It leaves the checkpoint alone, which another run may have.
func (s *Source) Probe(ctx context.Context) error {
	settings := s.settings
	settings.Checkpoint = ""
	probe, err := NewSource(settings)
	if err != nil {
		return err
	}
	return errors.Join(probe.Open(ctx), probe.Close(ctx))
}

// StoragePaths returns the checkpoint, where there is one.
func (s *Source) StoragePaths() []string {
	if s.settings.Checkpoint == "" {
		return nil
	}
	return []string{locate(s.settings.Dir, s.settings.Checkpoint).String()}
}

// Probe reports what stands where the file would be and is none.
func (k *Sink) Probe(context.Context) error {
	info, err := os.Stat(k.at.String())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("file sink: %s: %w", k.at, because(err))
	case info.IsDir():
		return fmt.Errorf("file sink: %s: is a directory; correct dir or path", k.at)
	default:
		return nil
	}
}

// StoragePaths returns the file.
func (k *Sink) StoragePaths() []string { return []string{k.at.String()} }

package file

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// A generation tells a file apart from another of the same name, and from what was in its place before [I1]. It is 64 bits
// in hexadecimal digits.
const generationBytes = 8

// randomGeneration is for a file with a checkpoint, which stores it.
func randomGeneration() string {
	random := make([]byte, generationBytes)
	_, _ = rand.Read(random) // never fails, it says
	return hex.EncodeToString(random)
}

// generation returns the generation of a file without a checkpoint: the same for every run that finds the file unchanged.
func (p *pass) generation(ctx context.Context, inFS bool) (string, error) {
	switch {
	case p.config.Identity == IdentityContent:
		return p.digest(ctx, "")
	case inFS:
		return p.digest(ctx, p.name)
	}
	path, err := filepath.Abs(p.path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.path, err)
	}
	node := inodeOf(p.info)
	seed := binary.BigEndian.AppendUint64(append([]byte(path), 0), node.device)
	seed = binary.BigEndian.AppendUint64(seed, node.number)
	seed = binary.BigEndian.AppendUint64(seed, uint64(p.info.Size()))
	seed = binary.BigEndian.AppendUint64(seed, uint64(p.info.ModTime().UnixNano()))
	sum := sha256.Sum256(seed)
	return hex.EncodeToString(sum[:generationBytes]), nil
}

// digest reads the stored file once more, in bounded memory.
func (d document) digest(ctx context.Context, seed string) (_ string, err error) {
	f, _, err := d.open()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	hash.Write(append([]byte(seed), 0))
	if _, err := io.Copy(hash, untilDone{ctx: ctx, from: f}); err != nil {
		return "", fmt.Errorf("%s: %w", d.path, because(err))
	}
	return hex.EncodeToString(hash.Sum(nil)[:generationBytes]), nil
}

// untilDone reads until ctx ends.
type untilDone struct {
	ctx  context.Context //nolint:containedctx // it lives as long as one call
	from io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.from.Read(p)
}

// inode is the identity of a file in its file system; zero if the system does not have it.
type inode struct {
	device, number uint64
	// changed is the time of the last change in nanoseconds. Unlike the modification time, nobody can set it.
	changed int64
}

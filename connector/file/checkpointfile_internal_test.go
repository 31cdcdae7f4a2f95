package file

import (
	"path/filepath"
	"slices"
	"testing"
)

// recorded notes what is done to the file that becomes the checkpoint.
type recorded struct {
	temporary
	done *[]string
}

func (r recorded) Sync() error {
	*r.done = append(*r.done, "sync")
	return r.temporary.Sync()
}

func (r recorded) Close() error {
	*r.done = append(*r.done, "close")
	return r.temporary.Close()
}

// [I1] A checkpoint is on the disk before it takes the name of the one before: otherwise a power cut could leave an empty one.
func TestCheckpointIsSyncedBeforeItIsRenamed(t *testing.T) {
	f, err := openCheckpointFile(location{dir: t.TempDir(), name: filepath.Join("state", "checkpoint")})
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	create, rename := f.create, f.rename
	f.create = func(name string) (temporary, error) {
		file, err := create(name)
		return recorded{file, &done}, err
	}
	f.rename = func(from, to string) error {
		done = append(done, "rename")
		return rename(from, to)
	}
	if err := f.save(checkpoint{Version: checkpointVersion}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"sync", "close", "rename"}; !slices.Equal(done, want) {
		t.Errorf("done in the order %q, want %q", done, want)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
}

package file

import (
	"errors"
	"os"
	"testing"
)

// Whoever waited for a lock may get that of a file that was put elsewhere, or replaced, meanwhile.
func TestLockIsThatOfTheFileWithTheName(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := lockFile(root, "x", os.O_RDWR|os.O_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := func(want bool) {
		t.Helper()
		if got, err := hasName(root, f, "x"); got != want || err != nil {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	want(true)
	if _, err := lockFile(root, "x", os.O_RDWR); !errors.Is(err, errLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if err := root.Rename("x", "y"); err != nil {
		t.Fatal(err)
	}
	want(false)
	other, err := lockFile(root, "x", os.O_RDWR|os.O_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	want(false)
}

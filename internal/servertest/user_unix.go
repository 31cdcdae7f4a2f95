//go:build unix

package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// other is the user that runs servers if this process is root, which PostgreSQL refuses; nil for this process' own user.
func other() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no other user is needed
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
	}
	return nil, fmt.Errorf("%w; as root it also needs the user postgres or nobody", errNotInstalled)
}

// giveTo makes a folder the other user's.
func giveTo(folder string) error {
	to, err := other()
	if to == nil || err != nil {
		return err
	}
	return os.Chown(folder, int(to.Uid), int(to.Gid))
}

// asOther makes a command run as the other user, in a process group of its own: an interrupt from the terminal is for the tests.
func asOther(c *exec.Cmd) *exec.Cmd {
	to, _ := other() // giveTo has reported the error
	c.SysProcAttr = &syscall.SysProcAttr{Credential: to, Setpgid: true}
	return c
}

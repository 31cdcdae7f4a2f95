package guard

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// request asks the guard to start a program, whose files come with the request, or to kill one. Strings are bytes, because JSON
// would change a string that is not UTF-8.
type request struct {
	ID   uint64 `json:"id"`
	Kill bool   `json:"kill,omitempty"`
	Path []byte `json:"path,omitempty"`
	Dir  []byte `json:"dir,omitempty"`
	Args []byte `json:"args,omitempty"` // joined by NUL, which an argument or a variable cannot contain
	Env  []byte `json:"env,omitempty"`
	// files are the program's standard input, output and error, as descriptors.
	files []int
}

// reply is sent once for each program, when it has ended or could not be started.
type reply struct {
	ID     uint64             `json:"id"`
	Status syscall.WaitStatus `json:"status"`
	Errno  syscall.Errno      `json:"errno,omitempty"` // why it could not be started; 0: it was
}

const (
	nul = "\x00"
	// programFiles is how many files a program has.
	programFiles = 3
	// maxRequest is far above the limit of Linux for arguments and environment, 2 MiB by default.
	maxRequest = 1 << 28
)

func join(texts []string) []byte { return []byte(strings.Join(texts, nul)) }

func split(texts []byte) []string {
	if len(texts) == 0 {
		return nil
	}
	return strings.Split(string(texts), nul)
}

// send writes a request: its length, together with the files, and then the rest. One goroutine sends at a time.
func send(to *net.UnixConn, r request) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var rights []byte
	if len(r.files) > 0 {
		rights = syscall.UnixRights(r.files...)
	}
	length := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	if _, _, err := to.WriteMsgUnix(length, rights, nil); err != nil {
		return err
	}
	_, err = to.Write(text)
	return err
}

// receive reads a request. The files are the caller's to close.
func receive(from *net.UnixConn) (request, error) {
	var r request
	length, rights := make([]byte, 4), make([]byte, syscall.CmsgSpace(programFiles*4))
	n, m, _, _, err := from.ReadMsgUnix(length, rights)
	if err != nil {
		return r, err
	}
	if n == 0 {
		return r, io.EOF
	}
	if r.files, err = filesOf(rights[:m]); err != nil {
		return r, err
	}
	if _, err := io.ReadFull(from, length[n:]); err != nil {
		return r, err
	}
	size := binary.BigEndian.Uint32(length)
	if size > maxRequest {
		return r, fmt.Errorf("a request has %d bytes, more than %d", size, maxRequest)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(from, text); err != nil {
		return r, err
	}
	err = json.Unmarshal(text, &r)
	return r, err
}

func filesOf(rights []byte) ([]int, error) {
	if len(rights) == 0 {
		return nil, nil
	}
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	var files []int
	for i := range messages {
		some, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, errors.Join(err, closeAll(files))
		}
		files = append(files, some...)
	}
	return files, nil
}

func closeAll(files []int) error {
	var errs []error
	for _, fd := range files {
		errs = append(errs, syscall.Close(fd))
	}
	return errors.Join(errs...)
}

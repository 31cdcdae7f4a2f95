package postgres

import "github.com/ergon-go/ergon"

// failures collects the failed items of a batch; it allocates nothing while there are none.
type failures map[int]error

// add notes the error of an item; nil is none.
func (f *failures) add(i int, err error) {
	if err == nil {
		return
	}
	if *f == nil {
		*f = failures{}
	}
	(*f)[i] = err
}

func (f failures) err() error {
	if len(f) == 0 {
		return nil
	}
	return &ergon.BatchError{Failures: f}
}

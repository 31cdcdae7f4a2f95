package machine

import "syscall"

// clockSynced asks the kernel whether its clock is synchronized.
func clockSynced() (synced, known bool) {
	const unsynchronized = 5 // TIME_ERROR
	state, err := syscall.Adjtimex(&syscall.Timex{})
	return state != unsynchronized, err == nil
}

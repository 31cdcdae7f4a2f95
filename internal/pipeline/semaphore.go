package pipeline

// semaphore is binary, and held for as long as a fetch or a settlement takes: a goroutine that waits for it waits on a channel,
// which virtual time in tests understands, as it does not a mutex.
type semaphore chan struct{}

func newSemaphore() semaphore { return make(semaphore, 1) }

func (s semaphore) acquire() { s <- struct{}{} }
func (s semaphore) release() { <-s }

func (s semaphore) tryAcquire() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

package bench

import "runtime"

// Ballast is the size of the live heap that a service usually has at least. With an almost empty heap Go collects garbage
// every 4 MiB, many times more often than in anybody's service, so everything is measured both ways. The ballast holds no
// pointers: how long marking a real heap takes is not part of what is compared.
const Ballast = 64 << 20

// WithHeap calls f while as many bytes of the heap are in use.
func WithHeap(bytes int, f func() error) error {
	ballast := make([]byte, bytes)
	defer runtime.KeepAlive(ballast)
	return f()
}

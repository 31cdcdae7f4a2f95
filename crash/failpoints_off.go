//go:build !failpoints

package crash

const built = false

//go:build !failpoints

package crashrun

const built = false

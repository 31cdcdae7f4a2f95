package app

import "context"

// Process is what a call has around it, for tests to give.
type Process = process

// Execute is one call of the command line.
func Execute(ctx context.Context, s Settings, p Process) int { return run(ctx, s, p) }

// MemoryLimit is what the control group allows.
var MemoryLimit = memoryLimit

package capability

import "context"

// HealthChecker is a connector or service that knows whether it can be used at the moment.
type HealthChecker interface {
	// CheckHealth returns nil while the component can be used, and otherwise the reason, without a secret. While one fails, the
	// program is not ready (/readyz); nothing else depends on it. It is called while the worker's loop runs, one call at a time,
	// at least a second after the last has returned. A call that does not return within 5 seconds counts as failed.
	CheckHealth(ctx context.Context) error
}

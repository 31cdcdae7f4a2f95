package bench

import (
	"context"
	"fmt"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/ergon-go/ergon/policy"
)

// Watermill is its Router with the middleware Recoverer, Retry and Timeout around one handler that makes both calls.
func Watermill() Contestant {
	return Contestant{
		Name: "Watermill: Router + Recoverer + Retry + Timeout", Attempts: policy.DefaultRetry().MaxAttempts, Deadline: DeadlineSoft,
		Run: runWatermill,
	}
}

func runWatermill(ctx context.Context, items int, work Work) (int, error) {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return 0, fmt.Errorf("make Watermill's router: %w", err)
	}
	retry := policy.DefaultRetry()
	router.AddMiddleware(
		middleware.Recoverer,
		middleware.Retry{
			MaxRetries: retry.MaxAttempts - 1, InitialInterval: retry.Backoff, MaxInterval: retry.BackoffCap,
			Multiplier: retry.BackoffMultiplier, RandomizationFactor: retry.Jitter,
			ResetContextOnRetry: true, // without it the second attempt has the first one's context, which has ended
		}.Middleware,
		middleware.Timeout(retry.Timeout),
	)
	source := &messages{items: items}
	router.AddConsumerHandler("bench", "items", source, func(m *message.Message) error { return work.both(m.Context()) })
	if err := router.Run(ctx); err != nil {
		return 0, fmt.Errorf("run Watermill's router: %w", err)
	}
	return source.acked, nil
}

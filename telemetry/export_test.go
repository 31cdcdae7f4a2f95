package telemetry

import (
	"context"
	"log/slog"
)

// Link is the way to one exporter.
type Link = link

// NewLink makes one.
func NewLink(logger *slog.Logger) *Link { return newLink(traces, "a collector", 0, logger) }

// Deliver sends one.
func (l *link) Deliver(ctx context.Context, err error) {
	l.deliver(ctx, 1, func(context.Context) error { return err })
}

// Take counts one.
func (l *link) Take() { l.take() }

// ProvidersOf are providers with one exporter, which ends like that.
func ProvidersOf(l *Link, shutdown func(context.Context) error) *Providers {
	return &Providers{pipelines: []pipeline{{link: l, shutdown: shutdown}}}
}

package telemetry

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/contrib/otelconf"
)

// handOver leaves everything but console and file to OpenTelemetry's declarative configuration.
func (b *builder) handOver(ctx context.Context) error {
	parsed, err := readConfigFile(b.config.ConfigFile)
	if err != nil {
		return err
	}
	sdk, err := otelconf.NewSDK(otelconf.WithContext(ctx), otelconf.WithOpenTelemetryConfiguration(*parsed))
	if err != nil {
		return fmt.Errorf("OTEL_CONFIG_FILE %s: %w", b.config.ConfigFile, err)
	}
	b.providers.TracerProvider, b.providers.MeterProvider = sdk.TracerProvider(), sdk.MeterProvider()
	b.providers.Propagator = sdk.Propagator()
	if parsed.LoggerProvider != nil {
		b.exportTo(sdk.LoggerProvider())
	}
	b.add(b.link("telemetry", b.config.ConfigFile, 0), sdk.Shutdown)
	b.local.InfoContext(ctx, "telemetry is set up by OTEL_CONFIG_FILE; exporters of the section telemetry are not used",
		"path", b.config.ConfigFile)
	return nil
}

func readConfigFile(path string) (*otelconf.OpenTelemetryConfiguration, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the file is the one that the user names
	if err != nil {
		return nil, fmt.Errorf("OTEL_CONFIG_FILE: %w", err)
	}
	parsed, err := otelconf.ParseYAML(data)
	if err != nil {
		return nil, fmt.Errorf("OTEL_CONFIG_FILE %s: %w", path, err)
	}
	return parsed, nil
}

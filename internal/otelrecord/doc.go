// Package otelrecord records spans and metrics by the OpenTelemetry API alone, for tests of packages that must not require the
// SDK. What the SDK itself makes of spans and metrics is tested in package telemetry.
//
// [Tracing] and [Metering] keep everything in memory, without limits, and sample as the SDK does by default: a span below an
// unsampled one is not recorded. All methods are safe for concurrent use.
package otelrecord

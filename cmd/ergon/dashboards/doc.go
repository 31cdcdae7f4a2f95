// Package dashboards makes Grafana's dashboard and Prometheus' alerting rules of the metrics that Ergon emits. What it makes
// is kept in files, below deploy/ and in the template of new programs; a test writes them with -update, and fails where they
// are not what is made, or name a metric or a label that a real run does not have.
package dashboards

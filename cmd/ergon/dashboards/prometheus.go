package dashboards

import (
	"fmt"
	"strings"
)

// alert is a rule: who is notified of what.
type alert struct {
	name, expr, lasting, severity, summary, cure string
}

func alerts() []alert {
	return []alert{
		{
			"ErgonTransactionsFail",
			`sum by (TASK) (rate(TRANSACTIONS{OUTCOME=~"dead_lettered|handler_failed"}[5m])) / sum by (TASK) (rate(TRANSACTIONS[5m])) > 0.05`,
			"10m", "warning", "More than 5 % of the transactions of {{ $labels.TASK }} fail.",
			"Group its dead letters by what they failed with (dlq groups), and give them back when that is corrected (dlq retry).",
		},
		{
			"ErgonExceptionHandlerFails", `sum by (TASK) (increase(TRANSACTIONS{OUTCOME="handler_failed"}[15m])) > 0`,
			"0m", "critical", "The exception handler of {{ $labels.TASK }} fails permanently.",
			"See the log for what it fails with. The transactions are dead letters.",
		},
		{
			"ErgonOutage", `max by (TASK) (OUTAGE) > 0`, "5m", "critical",
			"{{ $labels.TASK }} is in outage mode: every transaction that it tries fails.",
			"Repair the system that it depends on; then it continues.",
		},
		{
			"ErgonQueueWaits", `max by (TASK) (OLDEST) > 600`, "5m", "warning",
			"A transaction of {{ $labels.TASK }} has waited for more than ten minutes.",
			"Have more workers, or more of them at once; see whether attempts have become slower.",
		},
		{
			"ErgonStuck", `(sum by (TASK) (IN_FLIGHT) > 0) unless (sum by (TASK) (rate(TRANSACTIONS[15m])) > 0)`, "15m", "critical",
			"{{ $labels.TASK }} has transactions in flight, but none has ended for a quarter of an hour.",
			"See the log and a goroutine profile.",
		},
		{
			"ErgonAttemptsAbandoned", `max by (TASK) (ABANDONED) > 0`, "10m", "warning",
			"Attempts of {{ $labels.TASK }} still run long after their timeout.",
			"Make its handlers respect their context; at the headroom the worker is replaced.",
		},
		{
			"ErgonFetchFails", `sum by (TASK) (rate(OPERATION_COUNT{OPERATION="receive", ERROR!=""}[5m])) > 0`, "10m", "warning",
			"{{ $labels.TASK }} cannot fetch from its source.", "See whether the source can be reached: doctor.",
		},
	}
}

// Prometheus returns the alerting rules, as YAML that Prometheus reads.
func Prometheus() []byte {
	var b strings.Builder
	b.WriteString("# Made by cmd/ergon/dashboards; change it there.\ngroups:\n  - name: ergon\n    rules:\n")
	for _, a := range alerts() {
		fmt.Fprintf(&b, "      - alert: %s\n        expr: %s\n        for: %s\n        labels: {severity: %s}\n        annotations:\n"+
			"          summary: %s\n          description: %s\n",
			a.name, quoted(fill(a.expr)), a.lasting, a.severity, quoted(fill(a.summary)), quoted(a.cure))
	}
	return []byte(b.String())
}

// quoted is text as YAML has it in single quotes, which escape nothing but themselves.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

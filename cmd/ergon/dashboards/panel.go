package dashboards

// panel is a graph.
type panel struct {
	title, about string
	unit         string // as Grafana calls it
	stacked      bool
	queries      []query
}

// plain is Grafana's unit for mere numbers.
const plain = "short"

type query struct{ expr, legend string }

// of is a selector of the tasks that the dashboard's user has chosen.
const of = `{TASK=~"$task"}`

func quantiles(bucket, by, legend string) []query {
	var all []query
	for _, q := range []struct{ value, name string }{{"0.5", "p50"}, {"0.95", "p95"}, {"0.99", "p99"}} {
		all = append(all, query{
			"histogram_quantile(" + q.value + ", sum by (le" + by + ") (rate(" + bucket + "[$__rate_interval])))", q.name + legend,
		})
	}
	return all
}

func panels() []panel {
	return []panel{
		{
			title: "Transactions", about: "What came to an end, by outcome.", unit: "ops", stacked: true,
			queries: []query{{`sum by (TASK, OUTCOME) (rate(TRANSACTIONS` + of + `[$__rate_interval]))`, "{{TASK}} {{OUTCOME}}"}},
		},
		{
			title: "How long a transaction takes", about: "From its first attempt to its end, retries and backoffs included.", unit: "s",
			queries: quantiles("PROCESS_SECONDS"+of, "", ""),
		},
		{
			title: "In flight", about: "Fetched and not ended, and how many may run at once.", unit: plain,
			queries: []query{
				{`sum by (TASK) (IN_FLIGHT` + of + `)`, "{{TASK}}"},
				{`sum by (TASK) (LIMIT` + of + `)`, "{{TASK}} limit"},
			},
		},
		{
			title: "Waiting in queues", about: "Of queues that can be looked into. Every worker counts the same queue.",
			unit: plain, stacked: true,
			queries: []query{{`max by (TASK, STATE) (QUEUED` + of + `)`, "{{TASK}} {{STATE}}"}},
		},
		{
			title: "Longest wait", about: "How long the transaction that waits longest has been ready.", unit: "s",
			queries: []query{{`max by (TASK) (OLDEST` + of + `)`, "{{TASK}}"}},
		},
		{
			title: "Dead letters and failed handlers", about: "In the last hour.", unit: plain,
			queries: []query{{
				`sum by (TASK, OUTCOME) (increase(TRANSACTIONS{TASK=~"$task", OUTCOME=~"dead_lettered|handler_failed"}[1h]))`,
				"{{TASK}} {{OUTCOME}}",
			}},
		},
		{
			title: "Attempts", about: "By phase and result.", unit: "ops", stacked: true,
			queries: []query{{`sum by (PHASE, RESULT) (rate(ATTEMPT_COUNT` + of + `[$__rate_interval]))`, "{{PHASE}} {{RESULT}}"}},
		},
		{
			title: "How long an attempt takes", about: "By phase.", unit: "s",
			queries: quantiles("ATTEMPT_SECONDS"+of, ", PHASE", " {{PHASE}}")[1:2],
		},
		{
			title: "Attempts that did not end in time", about: "Given up and still running, and results that came too late.", unit: plain,
			queries: []query{
				{`sum by (TASK) (ABANDONED` + of + `)`, "{{TASK}} abandoned"},
				{`sum by (TASK) (increase(LATE` + of + `[$__rate_interval]))`, "{{TASK}} late"},
			},
		},
		{
			title: "Fetching, settling, preparing", about: "How long a call takes, with its retries.", unit: "s",
			queries: quantiles("OPERATION_SECONDS"+of, ", OPERATION", " {{OPERATION}}")[1:2],
		},
		{
			title: "Fetched and sent", about: "Transactions in and out.", unit: "ops",
			queries: []query{
				{`sum by (TASK) (rate(CONSUMED` + of + `[$__rate_interval]))`, "{{TASK}} fetched"},
				{`sum by (TASK) (rate(SENT` + of + `[$__rate_interval]))`, "{{TASK}} sent"},
			},
		},
		{
			title: "Outage", about: "1 while a task tries one transaction at a time, because everything fails.", unit: plain,
			queries: []query{{`max by (TASK) (OUTAGE` + of + `)`, "{{TASK}}"}},
		},
	}
}

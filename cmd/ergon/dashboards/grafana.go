package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
)

type object = map[string]any

// datasource is a key of Grafana's, and the name of the variable that chooses one.
const datasource = "datasource"

const (
	columns = 2
	width   = 24 / columns
	height  = 8
)

// Grafana returns the dashboard, as JSON that Grafana provisions.
func Grafana() ([]byte, error) {
	source := object{"type": "prometheus", "uid": "${datasource}"}
	var shown []object
	for i, p := range panels() {
		var targets []object
		for j, q := range p.queries {
			targets = append(targets, object{
				"refId": string(rune('A' + j)), datasource: source, "expr": fill(q.expr), "legendFormat": fill(q.legend),
			})
		}
		shown = append(shown, object{
			"id": i + 1, "type": "timeseries", "title": p.title, "description": p.about, datasource: source, "targets": targets,
			"gridPos": object{"x": i % columns * width, "y": i / columns * height, "w": width, "h": height},
			"options": object{
				"legend":  object{"displayMode": "table", "placement": "bottom", "calcs": []string{"lastNotNull", "max"}, "showLegend": true},
				"tooltip": object{"mode": "multi", "sort": "desc"},
			},
			"fieldConfig": object{"defaults": object{"unit": p.unit, "min": 0, "custom": custom(p.stacked)}, "overrides": []object{}},
		})
	}
	return indented(object{
		"uid": "ergon", "title": "Ergon", "description": "Tasks of Ergon: throughput, latency, queues and failures.", "tags": []string{"ergon"},
		"schemaVersion": 39, "version": 1, "editable": true, "timezone": "browser", "refresh": "10s",
		"time":        object{"from": "now-1h", "to": "now"},
		"templating":  object{"list": variables(source)},
		"annotations": object{"list": []object{}},
		"panels":      shown,
	})
}

func custom(stacked bool) object {
	c := object{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
	if stacked {
		c["stacking"], c["fillOpacity"] = object{"mode": "normal", "group": "A"}, 40
	}
	return c
}

// variables are what the dashboard's user chooses.
func variables(source object) []object {
	values := fill("label_values(TRANSACTIONS, TASK)")
	return []object{
		{"name": datasource, "label": "Data source", "type": datasource, "query": "prometheus", "hide": 0},
		{
			"name": "task", "label": "Task", "type": "query", datasource: source, "definition": values,
			"query": object{"query": values, "refId": "tasks"}, "refresh": 2, "sort": 1,
			"includeAll": true, "multi": true, "allValue": ".*", "current": object{"text": "All", "value": "$__all"},
		},
	}
}

func indented(document any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return nil, fmt.Errorf("make the dashboard: %w", err)
	}
	return text.Bytes(), nil
}

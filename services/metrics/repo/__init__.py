"""All SQL of metrics that is no KPI's own."""

"""Real Kafka and PostgreSQL on one machine, from Python packages alone (architecture.md §7)."""

"""The operator's command: it starts services by name and knows nothing of their insides."""

"""All SQL of the gateway: settings and their history, API keys."""

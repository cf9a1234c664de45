"""All SQL of the service: sets in, sets out; the first argument is the connection."""

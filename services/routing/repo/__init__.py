"""All SQL of routing; the first argument is always the connection."""

"""All SQL of notify."""

"""The rules of tickets: pure functions over frozen facts, the moment passed in (definitions.md)."""

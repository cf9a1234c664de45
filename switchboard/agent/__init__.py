"""The terminal desk: an agent's work without a browser, over the public API only."""

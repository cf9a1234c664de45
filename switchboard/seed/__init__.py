"""The demo: a small shop's workspace, and an hour of its customers' messages played in a minute."""

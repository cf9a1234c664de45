"""Logs, traces and metrics of every service, set up in one place."""

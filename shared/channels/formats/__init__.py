"""Formats that several channels share: JSON bodies and mail."""

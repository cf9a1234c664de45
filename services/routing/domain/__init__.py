"""Routing's decisions as pure functions over frozen values: no clock, no I/O, the same input gives the same output."""

"""What an event says as a fact, and what a window of time is: pure functions."""

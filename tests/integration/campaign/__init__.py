"""The kill campaign: whatever dies, freezes or goes back in time, nothing is lost, doubled or put out of order."""

"""The customers' side of the demo: what answers go out to, so that an agent who plays is heard and answered."""

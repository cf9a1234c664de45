"""Rules of sending, without clock or I/O."""

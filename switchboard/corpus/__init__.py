"""`switchboard corpus`: recorded payloads, read by our own parsers and held against what is known of them."""

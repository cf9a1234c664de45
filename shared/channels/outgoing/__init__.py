"""What channels send with: requests, what came of them, and the only ways out to the network."""

"""Far ends that tests start: real servers of providers' protocols, which misbehave as they are told."""

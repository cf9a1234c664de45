"""The live stream: what happens on the desk, told to whoever may know, without storing anything."""

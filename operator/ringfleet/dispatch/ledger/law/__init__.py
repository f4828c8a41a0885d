"""The law of a pick, in Python: what a member may carry, and which member is picked."""

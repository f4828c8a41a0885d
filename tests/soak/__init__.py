"""`make soak`: simulated days of a fleet with faults, restarts and people, beside a brute-force model of it."""

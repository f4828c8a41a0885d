"""Where plans meet the world, and all that awaits: gather, decide, write, act; one module a kind."""

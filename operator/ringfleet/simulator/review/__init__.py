"""How the simulated carrier reviews documents."""

"""What goes wrong at the simulated carrier, on purpose."""

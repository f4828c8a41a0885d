"""The sandbox carrier, tested as what it is: a carrier. `process` starts the real program, for all who need one."""

"""`python -m ringfleet`: the same as `ringfleet`."""

from ringfleet.cli.main import main

main(prog_name="ringfleet")

"""What the sandbox carrier takes when nothing is said: apart, so that `ringfleet simulator --help` loads no server."""

DEFAULT_TOKEN = "sandbox-token"  # noqa: S105 - the simulator's, opens nothing else
DEFAULT_ACCOUNT = "sandbox"
STOCK_SIZE = 2_000
"""Numbers for sale behind each area code."""

"""What the sandbox carrier takes when nothing is said: apart, so that `ringfleet simulator --help` loads no server."""

DEFAULT_TOKEN = "sandbox-token"  # noqa: S105 - the simulator's, opens nothing else
DEFAULT_ACCOUNT = "sandbox"
DEFAULT_ACCOUNTS = {
    DEFAULT_TOKEN: DEFAULT_ACCOUNT,
    "first-pool-token": "first-pool",
    "claims-token": "claims",
    "tenants-token": "tenants",
    "german-numbers-token": "german-numbers",
    "outbound-rotation-token": "outbound-rotation",
    "two-carriers-twilio-token": "two-carriers-twilio",
    "two-carriers-telnyx-token": "two-carriers-telnyx",
}
"""The accounts by their tokens. Each example of `examples/` has one of its own: two that share a token are one account,
and only one of them may use it."""
STOCK_SIZE = 2_000
"""Numbers for sale behind each area code."""

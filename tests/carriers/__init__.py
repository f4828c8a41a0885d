"""The carriers: their HTTP client, their adapters, and the conformance suite that every adapter has to pass."""

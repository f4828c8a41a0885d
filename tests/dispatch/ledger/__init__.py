"""The conformance suite of ledgers: the same tests for each engine."""

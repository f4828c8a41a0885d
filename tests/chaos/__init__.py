"""The crash tests: the operator is killed from the wire, and the promises are checked against the carrier's ledger."""

"""The ledger: what the dispatcher must remember.

One interface, two engines, one conformance suite:

- `ledger`   the interface: what every engine promises
- `values`   what goes in and comes out
- `pick`     the decision that both engines make: its law in words and, for SQLite, in Python on the members of a set
             in memory (`bench`, `seat`, `room`)
- `sqlite`   the embedded engine: one file, one process, one writer; `sqlite_*` are its parts
- `postgres` the shared engine: several replicas, one function
- `open`     which engine an address means

Everything that a pick depends on is checked inside the transaction that records it, and what cannot be checked is
refused: an engine that has no roster of a set picks none of its numbers.
"""

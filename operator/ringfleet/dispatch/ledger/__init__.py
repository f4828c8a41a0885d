"""The ledger: what the dispatcher must remember. One interface, one law, two engines, one conformance suite.

- `interface.py`  what every engine promises; `types.py` what goes in and comes out
- `law/`          the decision that both engines make: `law/decision.py` has it in words and, for SQLite, in Python on
                  the members of a set in memory (`law/members.py`, `law/member.py`), with the room that is put aside
                  for later (`law/reservations.py`)
- `sqlite/`       the embedded engine: one file, one process, one writer
- `postgres/`     the shared engine: several replicas, one function
- `open.py`       which engine an address means

How large a cap is on a day is no affair of the ledger: it comes with the roster (`plan/rotation_set/roster.py`).
Everything that a pick depends on is checked inside the transaction that records it, and what cannot be checked is
refused: an engine that has no roster of a set picks none of its numbers.
"""

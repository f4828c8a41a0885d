"""The ledger: what the dispatcher must remember. One ledger, one owner: one process decides, by one law, in memory.

- `interface.py`  what a ledger promises; `types.py` what goes in and comes out
- `law/`          the decision: `law/decision.py` has it in words and in Python, on the members of a set in memory
                  (`law/members.py`, `law/member.py`), with the room that is put aside for later (`law/reservations.py`)
                  and what sets are allowed together (`law/shared.py`)
- `law/sessions.py` which proxy number a participant of a masked session gets; `session_types.py` what is asked of
                  sessions, and answered
- `owner/`        who decides: what it has in memory, its groups, and what it folds from the journal
- `tables.py`     the rows, alike in every store; `store.py` what a store is to its owner; `keys.py` how a key is hashed
- `sqlite/`       the embedded store: one file, one process; `embedded.py` the ledger in it
- `postgres/`     the shared store: several processes, one of which owns it; `shared.py` the ledger in it
- `open.py`       which store an address means; `retention.py` how long each table is kept
- `optout_lists.py` opt-outs in a file apart

How large a cap is on a day is no affair of the ledger: it comes with the roster (`plan/rotation_set/roster.py`).
Everything that a pick depends on is known to the owner when it decides, and what it decided is on disk before it is
answered. What cannot be checked is refused: an owner that has no roster of a set picks none of its numbers.
"""

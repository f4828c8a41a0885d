"""The owner of a ledger: one process that decides for all sets, in memory, by the one law, and commits in groups.

::

    pick, event, wish --> waiting --> find --> decide in memory --> commit the group --> answers, all at once; and so on
                                     (store)     (law)                (store)
                                                              from time to time, between groups: fold

- `groups.py`    the ledger that the dispatcher works with: what waits, what goes together, what became of it
- `group.py`     a group on its way: what was found for it, what it will write; `jobs.py` what is asked beside picks
- `memory.py`    what the owner knows without asking the store; `shared.py` what is used of limits that sets share;
                 `undo.py` how a group is taken back
- `picks.py`     picks, and picks that are given back; `deferrals.py` what is put off; `rosters.py` who is a member
- `keys.py`      by which keys recipients are hashed; `restored.py` what is not known after a restore
- `events.py`    what carriers tell; `traffic.py` a number's hours; `optouts.py` who has opted out; `reach.py` where
                 else that holds; `wishes.py` what other processes have taken in
- `activity.py`  when numbers were last used; `outbox.py` events on their way to somebody else
- `reports.py`   a set at a glance, and numbers by themselves; `recipients.py` one person's rights
- `sessions.py`  masked sessions; `session_memory.py` those that are open, and those that are remembered
- `journal.py`   one decision as a row, and what it does to memory
- `folding.py`   from the journal into the tables by key
- `verify.py`    whether a ledger keeps its own laws

A pick is one row, appended to the journal. What it changes elsewhere (the recipient's number, the counts of the number,
the replay of the key) is in memory while it is young, and folded into tables by key later, in large sorted slices. So
what an owner has to know is: the tables, and the bounded tail of the journal that is not folded yet.
"""

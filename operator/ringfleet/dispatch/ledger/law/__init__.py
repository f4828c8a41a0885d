"""The law, in Python: what a member may carry, and which member is picked; who gets which proxy number.

::

    decision.py      the law in words, and the decision
    member.py        one number: its counts, and why it may not be used now
    members.py       the numbers of a set: which one has least used
    ranking.py       those near one place, the least used first
    reservations.py  room on a later hour or day
    shared.py        what sets are allowed together
    sessions.py      which proxy number a participant of a masked session gets
"""

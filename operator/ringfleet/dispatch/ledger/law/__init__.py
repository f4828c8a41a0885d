"""The law of a pick, in Python: what a member may carry, and which member is picked.

::

    decision.py      the law in words, and the decision
    member.py        one number: its counts, and why it may not be used now
    members.py       the numbers of a set: which one has least used
    ranking.py       those near one place, the least used first
    reservations.py  room on a later hour or day
    shared.py        what sets are allowed together
"""

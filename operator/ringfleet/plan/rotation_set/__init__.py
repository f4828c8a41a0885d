"""How many numbers a rotation set needs, which of them rest, and which are replaced.

::

    decide.py      the way in: one turn of a set, the modules below in their order
    guardrails.py  the spec as plans need it (`RotationWant`), default caps, and where wishes stop
    seen.py        what is seen: claims, pools, traffic
    size.py        how many numbers, and in which region
    roster.py      the caps of each number on a day: ramp, rest; the dispatcher picks by it
    reputation.py  which numbers are flagged
    plan.py        what is done: claim, let go, quarantine, replace
    report.py      what the set says of itself
    calendar.py    days and hours of its time zone, and quiet hours of a recipient
"""

"""What one number needs next.

::

    plan.py        the law: a list of rules, of which the first that has something to say decides
    case.py        what they judge: the wish, the memory, the carrier's word, the account
    steps.py       what they may ask for, and the plan of a number
    phase.py       the phases, and the only steps between them
    ownership.py, documents.py, traffic.py, routing.py    the rules on that
    spam_label.py  what is advised when it is labelled as spam
    emergency.py   its emergency address: emergency_seen.py what is seen of it, emergency_said.py what is said
    removal.py     how a number leaves
    history.py     who brought it into its phase
"""

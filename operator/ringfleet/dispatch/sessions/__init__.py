"""Masked sessions over HTTP: two people call each other by numbers of ours.

::

    schema.py   bodies in and out, and the paths
    routes.py   the routes: from a request to what the ledger is asked, and from its answer to what is told

Which numbers a service has comes from `dispatch/inventory.py`; who gets which is the ledger's
(`ledger/law/sessions.py`). A real number comes in with a participant and goes out with `resolve`, and with nothing
else: in between it is sealed (`dispatch/sealing.py`).
"""

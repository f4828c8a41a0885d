"""One ledger for a namespace: two that do not know each other would each allow the whole of every cap (LedgerSplit).

::

    ConfigMap ringfleet-ledgers, in the operator's namespace
      9f3c...: {"holds": true,  "namespaces": [], ...}     decides; its owner writes a new beat every few seconds
      17aa...: {"holds": false, ...}                       came later: refuses picks, opt-outs and events, and waits

All of it is one object, written over the version that was read: so of two that come at once, one is first. Whoever has
not changed its line for `LAPSE_SECONDS` has ended, and the next one decides. How long that is, each measures by its own
clock, from when it first saw the line. A ledger is known by its `Mark`: its next process, or its next owner, goes on
with its line, and so does one that was restored, whose epoch is later; of two epochs the earlier waits.

While the API server is away, whoever was told to decide goes on. Where the ConfigMap can't be written at all, because
there is no such namespace or no right, nobody can be told, and everybody decides, with a warning.

::

    announced.py     who decides, of those that are announced; pure
    announcer.py     this dispatcher's line
"""

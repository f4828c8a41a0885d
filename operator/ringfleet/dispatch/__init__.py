"""The dispatcher: a small HTTP service that answers at call time which number to use.

::

    caller --POST picks--> forward --> app --> picks --> Ledger (SQLite | PostgreSQL)   counts, sticky rows, opt-outs
                              ^          ^            ^
                           auth       inventory       |
                    (TokenReview)   (watches: sets,   |
                                    claims, numbers)  |
    carrier --POST events--> webhooks ----------------'                             signed, counted once

The inventory comes by watches, so picks go on while the API server is away. What must be remembered is in the ledger,
which one process owns; of several that share one, the others carry to it what only the owner may decide.

::

    serve.py, settings.py, clock.py           the process, from start to SIGTERM
    app.py, operations.py, schema.py          routes; which there are; bodies in and out
    hot_protocol.py, hot_route.py             requests that need no app, answered where their bytes come in; picks
    http_limits.py, tls.py                    what a stranger may hold: headers, bodies, connections; certificates
    openapi.py, problems.py                   the same as a document; what is answered when it is no
    forward.py                                what another dispatcher decides is carried there
    auth.py                                   who calls, and may they
    picks.py, inventory.py, recipients.py     a pick; what it may choose from; whom it is for
    sessions/, sealing.py                     masked sessions; participants' numbers at rest
    announcing/                               one ledger for a namespace: whose it is, told in the cluster
    query.py                                  numbers in a query
    rollup.py, calculators.py                 a set's day for the operator; how many numbers are needed
    webhooks.py, public_address.py            what carriers tell: is it signed, and by which URL
    webhook_process/                          the process of its own in which that is read
    event_intake.py, senders.py, optout_words.py
                                              into the ledger: whose they are; who signs; who has said STOP
    listener.py, http_edge.py                 what every listener is, and does beside its routes
    told_events.py                            what the operator reads of carriers' detail records, the same way
    relay.py, relay_reach.py                  carriers' requests, passed on to the program they are for; where it may be
    analytics.py, outbox.py                   the same to the user's own analytics; what both take from the ledger
    metrics.py, readiness.py                  liveness, readiness, `/metrics`; whether the ledger works
    ledger/                                   what must be remembered
"""

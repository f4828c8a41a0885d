"""The dispatcher: a small HTTP service that answers at call time which number to use.

::

    caller  --POST picks-->  app ----> picks ----> Ledger (SQLite | PostgreSQL)      counts, sticky rows, opt-outs
                              ^          ^            ^
                           auth       inventory       |
                    (TokenReview)   (watches: sets,   |
                                    claims, numbers)  |
    carrier --POST events--> events ------------------'                             signed, counted once

The inventory comes by watches, so picks go on while the API server is away. What must be remembered is in the ledger.
"""

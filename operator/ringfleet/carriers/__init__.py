"""The carriers: one adapter a carrier behind one protocol. Adapters do not know each other.

A folder is one carrier's adapter (`didhub/` is the model), and beside the folders is what adapters share::

    what an adapter is      carrier.py      the protocol: search, buy, list, route, stop, release
                            registrar.py    the protocol of those whose carrier reviews documents
                            webhooks.py     the protocol of those whose carrier calls us
                            detail_records.py  the protocol of those whose carrier lists calls and messages
                            errors.py       what it may raise, by who must act
                            abilities.py    what it says of its carrier, so that nobody asks for a name
                            search_filters.py  what a search can't ask of a carrier: looked for here, or said
                            registry.py     the list that it is added to, with its endpoint and credentials
    what it is made of      http.py         pace, retries, circuit; what a failure means for a purchase
                            pace.py         how hard an account is pressed, by all of its clients together
                            json_fields.py  reading an answer field by field
                            breaker.py      the circuit
    put around it           metered.py      counts its calls; no adapter knows of it
                            remembered.py   answers searches while search is down; neither of this
                            short_marks.py  fits marks into a short field, and knows them again; nor of this
                            around.py       passes on what these leave alone
                            catalog.py      what it remembers for that: the last answer to each query
"""

"""The only door to the API server. JSON in, JSON out; no kind of ours.

::

    client.py, transport.py, config.py, access.py    calls; one request; which server and as whom; who a caller is
    errors.py, refusals.py                           what it answers, and what of that may be told
    informer.py, store.py                            a live copy of one kind; its records by key and index
    queue.py, schedule.py                            keys and their turns; when each key runs next
    lease.py, events.py                              a lock that outlives us; events on objects
    installation.py                                  which installation of Ringfleet this is
    library.py                                       what we take of the library underneath
"""

"""The webhook process: strangers' requests are limited, verified and read here, beside the process that answers picks.

::

    webhook process                                              dispatcher
    carrier --> Listener --> Events: signed? reads? --> Handover --batches--> Replies --> Intake --> ledger
                   200 or 503  <----------------------------------settled--

    the socket listens -> start -> Begin, Known -> Ready: alive -> ... -> gone, or silent: dead, and started again
                                                                   Drain -> gone: done

A 2xx is answered once the dispatcher has said that the event is in the ledger. Who is not answered in time, or finds
too many events waiting, gets 503, and the carrier sends the event again under the same id. The dispatcher holds the
socket that listens, so the port is the same over every restart, and a carrier that calls in between waits for the next
process. When the dispatcher is gone, however that came, its end of the pair of sockets closes, and the webhook process
ends at once: it holds no port that another dispatcher needs.

::

    messages.py, lines.py        what both say to each other; how it goes over the pair of sockets
    process.py                   the process: its listener, and its end
    accounts.py, handover.py     there: who may send; what became of events
    watch.py, life.py            in the dispatcher: one is kept running; one process from start to end
    replies.py                   in the dispatcher: the answers to what it asks and hands over

`process.py`, and what it needs, load neither ledger, inventory nor cluster.
"""

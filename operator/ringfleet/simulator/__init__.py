"""The sandbox carrier: one exchange that sells numbers, behind one wire face a carrier.

::

    wire ---> door ---> face ---> exchange ---> store
               |                     |
             faults               faults
    (lost replies, resets, 429)   (snapped up, partial failure, pending documents)

The exchange knows no HTTP, the faces know no SQL. The door is where a call meets who makes it and what befalls it; one
call is one transaction, and it is committed before its reply is written. Everything runs on one event loop and nothing
in the exchange awaits, so calls never overlap inside it.

Shares no code with the rest of Ringfleet: a carrier does not know its customers, and a test must not agree with itself.
"""

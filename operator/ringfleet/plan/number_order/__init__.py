"""What an order does next, and the law of its items.

::

    Pending <-> Submitting --+--> Provisioned <---------.
       | ^          |        |                          | documents approved
       | |          v        +--> PendingDocuments -----+--> Failed
       | '------ Unknown ----+
       |                     |    (looked up by buying again under the same key)
       '---------------------+--> Failed

An item is written with its E.164 number before any carrier call knows it; `Submitting` is written before the
purchase. So after a crash, Pending means "nothing was sent" and Submitting or Unknown mean "look first, under the same
idempotency key" (promise 1). Looking under the key may buy, so whatever forbids the order to buy forbids that too: what
was sent of it is then only asked for. It goes on when a freeze or a suspension ends; when pool or
account are deleted nothing lifts that any more, and what the carrier has not shown for a while counts as not bought::

    frozen, suspended         -> looked up, until that ends
    pool or account deleted,
    or another account now    -> looked up, and failed after `LOOKED_UP_FOR` (a sweep reports what comes later), but not
                                 while the carrier says that it is at work on some of it

An item is Pending again when the carrier's adapter is sure that the carrier has not processed it, as when the line
broke before it was its turn. What is Pending at an account that can't be called, or that has failed to sell it time and
again, is handed back if the pool has another carrier: it fails, and the pool orders as many there. What is in doubt
stays with its order, and counts as bought.

A number that is bought is recorded at once as its PhoneNumber, also while others of the order are in doubt, which may
last for as long as the carrier is down; that it was is noted, so that nobody makes it again if it goes meanwhile.

A failed item is never tried again inside its order: the shortfall goes back to the pool, which starts a new order for
other numbers.

::

    plan.py        the way in: the one next step, from what the modules below say
    order.py       the order's spec and status as values
    items.py       its numbers, and the law drawn above
    world.py       what else it depends on
    steps.py       what it may do next
    forbidden.py   what forbids it to buy, or calls it off
    listing.py     whether the carriers have been listed, which comes before the first purchase
    last_looks.py  what was sent and may be sent no more is looked up
    retries.py     the rest after a call that failed
    report.py      what it says of itself, and what its pool learns from it
"""

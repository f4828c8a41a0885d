"""Pure decisions: values in, actions and conditions out. No clock, no log, no await, no Kubernetes, no HTTP.

A kind has its module or folder here: `carrier_account/`, `compliance_bundle/`, `number_order/`, `number_pool/`,
`phone_number/`, `proxy_service/`, `rotation_set/`, `number_claim.py`, `number_quota.py`, `routing_profile.py`. Beside
them::

    offer_choice.py     which of a carrier's offers an order takes
    named_numbers.py    which numbers of an order that names its own are bought
    claim_allocator.py  which waiting claim gets which free number
    former_holder.py    whose a number still is while it rests
    rebinding.py        whose number it is when a claim has come back
    next_look.py        when an object is looked at again although nothing happens
    waits.py            how long a wait goes on that was written down
    purchase_rate.py    how many numbers an account may still buy in this hour
    answer_rate.py      whether a whole is answered less than it was
    number_traffic.py   how each number is used and received, and since when it is silent
    freeze.py           the emergency stop
    conditions.py       all reasons that conditions are written with
    sizing/             the calculators
"""

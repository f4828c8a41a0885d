"""Between what stands in the cluster and the values of plan/: objects read, statuses written. Pure.

The module of a kind goes both ways: `carrier_account.py`, `compliance_bundle.py`, `number_claim.py`, `number_order.py`,
`number_pool.py`, `number_quota.py`, `proxy_service.py`, `rotation_set.py`, `routing_profile.py`; for a PhoneNumber
`phone_number.py` reads and `phone_number_status.py` writes. Beside them::

    catalog.py     what an account's searches gave, kept in a ConfigMap for the next process
    conditions.py  conditions with their times, and patches of what has changed
    emergency.py   the emergency address of a profile or claim, as it is written, and in a Secret
    ownership.py   which of several objects stands for a number
    freeze.py      the emergency stop, as it is written
    named_order.py the order that a person writes to buy numbers that are named
    offers.py      what a person searches and what carriers offer, as JSON
    refs.py        names, and small values that several kinds write alike
"""

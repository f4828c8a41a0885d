"""Twilio: numbers are sold one at a time, by their names, and carry their routing and our mark from the same call on.

    account.py      one account behind the protocol of `carriers/carrier.py`
    api.py          its hosts, its pages, who calls
    subaccounts.py  parent and subaccounts
    wire.py         what we say, and how what Twilio says is read
    prices.py       the price list: an offer says no price
    search.py       thirty numbers a search and no second page: how a whole stock is seen all the same
    purchase.py     buying, and looking up what may have been bought
    signing.py      how calls are signed, by a trust product
    campaigns.py    for which campaign a number may send: that of its messaging service
    emergency.py    emergency addresses
    registrar.py    documents: end users, addresses, bundles and their review; it names its own parts
    targets.py      routing: trunks, applications, messaging services; and where a stopped number is parked
    webhook.py      what Twilio tells by itself; streamed.py: what its Event Streams tell
    streams.py      the sink by which these tell of messages that come in
    records.py      what it lists of calls and messages afterwards

The facts are those of Twilio's own library (`twilio` 9.13.0): names of paths, parameters and fields are as its source
has them, and `tests/carriers/test_twilio_wire.py` holds what is sent against it.
"""

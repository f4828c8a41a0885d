"""Where plans meet the world, and all that awaits: gather, decide, write, act; one module a kind.

`reconcile.py` has the list of kinds and the function that takes a turn of each. Beside the module of a kind stands what
only its turns use, and apart what all of them do::

    CarrierAccount     carrier_account.py     account_opening.py     its client, and which account it is
                                              account_listing.py     when it is listed, and what that concludes
                                              account_sweep.py       its listing against our objects
                                              account_catalog.py     what its searches gave, for when search is down
                              account_records.py     what its carrier lists of messages and calls
                              account_stream.py      the sink by which its carrier tells of messages
                              account_report.py      what it says of itself
                                              account_identities.py  which objects are one account at the carrier
                                              in_use.py              it stays while numbers use it; profiles too
                                              marked_numbers.py      what its listing shows under the marks of pools
                                              offers.py              what it offers, as a person asks
    NumberPool         number_pool.py         carrier_prices.py      what its accounts offer, where it goes by price
                                              pool_release.py        what it lets go
                                              pool_tally.py          its numbers, counted from change to change
                                              adoption.py            what spec.adopt asks for, and what becomes of it
                                              adoption_book.py       both, by pool and account
    NumberOrder        number_order.py        order_world.py         what else its turn depends on
                                              order_allowance.py     what it may still buy when it runs
                                              order_search.py        it searches and chooses
                                              order_purchase.py      it buys, or looks up what was sent
                                              order_recording.py     objects of what it has bought
                                              order_status.py        how far it is, written down
                                              named_numbers.py       the numbers that a person names in it
                                              purchase_lock.py       which orders buy in turn
                                              purchase_rate.py       spec.limits.purchasesPerHour
                                              number_create.py       a number bought becomes an object
                                              number_signing.py      how its calls are signed
    PhoneNumber        phone_number.py        desired_number.py      what is wished for it
                                              number_campaign.py     the campaign that it sends for
                                              number_emergency.py    its emergency address, set and taken off
                                              emergency_addresses.py which one it is to have, and the Secrets of some
                                              number_release.py      the last look, and then it goes
                                              number_traffic.py      what all of them are used for, read at once
                                              numbers_read.py        the dispatcher's answer, as values
                                              traffic_book.py        what was read of them, while it is fresh
                                              answer_rate.py         that of sets, pools and accounts as wholes
    NumberClaim        number_claim.py        claim_queue.py         who waits, and who gets which free number
                                              claim_bundles.py       whose documents its number is registered under
                                              after_rush.py          what gives way to bindings, and follows later
                                              rebinding.py           the number that a claim had before
                                              claimed_number.py      what it tells of its number
                                              connection_secret.py   what writeTo names
    ComplianceBundle   compliance_bundle.py   bundle_documents.py    what it names, read
                                              bundle_calls.py        one call of a filing, and how it ended
                                              redaction.py           what may be told of a carrier's answer
                                              bundle_readiness.py    which bundle orders and numbers live by
                                              bundle_attachments.py  the numbers that carry it
    ProxyService       proxy_service.py       dispatcher_client.py   its sessions
    RotationSet        rotation_set.py        dispatcher_client.py   its traffic
                                              set_inheritance.py     what an earlier set of its name has left
    NumberQuota        number_quota.py        quota_usage.py         what its namespace uses
    RoutingProfile     routing_profile.py     profile_telling.py     accounts are told it, each in its lane

    what is known      fleet.py               look-ups in all objects as last seen; no I/O, no queue
                       namespaces.py          which are being deleted
                       carrier_clients.py     the open accounts: may this one be called?
                       freeze.py              the emergency stop, looked at live
    who is woken       triggers.py            what changed -> keys, by three that listen:
                       intent_triggers.py     to all other kinds, which people write
                       number_triggers.py     to numbers
                       claim_triggers.py      to claims
                       wake.py                whom an account, a quota, a bundle or a freeze concerns
                       needy_numbers.py       numbers that may wait for their account
                       queues.py              keys wait for their turns
                       account_lane.py        those that await a carrier wait by account
    what is written    status_writer.py       statuses, finalizers, events
                       lasting_errors.py      an error that stays is said on the object
    the program        runtime.py             start to stop
                       leadership.py          which of the replicas works
                       stopping.py            how it is told to stop, and work that ends then
                       services.py            one of everything, built once
                       reconcile.py           which function serves which kind
                       followers.py           who watches what, and who has gone deaf
                       intent_watches.py      when each watch was last heard
                       meter.py               what controllers tell of themselves
                       metrics.py             the same for Prometheus
"""

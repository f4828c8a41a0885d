"""Ringfleet: fleets of phone numbers, declared as Kubernetes resources and kept equal to what the carriers hold.

Promises
--------
The code names them by number, "(promise 3)". The table in `operator/README.md` says which tests hold each.

1. Never buy twice. A purchase is always of numbers that are named, and the names and one idempotency key are on the API
   server before the carrier is called. Crash, lost reply, retry, two operators: each wanted number is billed once. An
   outcome that is not known counts as bought until the carrier has been asked.
2. Never lose a number. What was bought is in the cluster, or the next sweep finds it and reports it as an orphan.
3. Never release by accident. `Retain` is the default. A release takes a policy that allows it, no claim, no protection,
   an elapsed hold, a place in the day's budget, and a last live look. Many deletions at once trip a breaker.
4. Never bind twice. One number has one claim, and a binding that is written is never left for another.
5. Never overspend. Maximum, price caps, monthly budget and quotas are reserved before the call. Orders in flight and
   orders of unknown outcome count.
6. Never pick a number that must not ring. Caps, opt-outs and quarantines are checked in the transaction that picks. In
   doubt there is no number.
7. Always say why. An object that is not as wished has a condition with a stable reason, and a sentence that a person
   can act on.
8. Touch only what is ours. Every number that we buy carries our mark at the carrier. Everything else in the account is
   counted, and never changed.

Layers
------
Each may import those below it, and nothing above or beside it; import-linter holds this (`pyproject.toml`)::

    cli                                    the commands `ringfleet` and `kubectl ringfleet`
    handlers | dryrun                      the Kopf shell | the operator's rules played on a copy, to see a plan first
    controllers | dispatch                 the only awaiting room of the operator | the service that picks at call time
    kube                                   the door to the API server: client, informer, work queue, lease, events
    objects                                Kubernetes objects to plan values, plan values to statuses; pure
    api | plan | carriers                  what people write and read | decisions, pure | one adapter a carrier
    model | rate | settings | docstrings   numbers, money, markets, pure | how often | the environment | of fields
    traces | loading                       what may be told of an error that nobody has foreseen | imports for life

    simulator                              the sandbox carrier; imports none of them, and only `cli` starts it

A kind has one name in every layer: a question about a pool is answered in `number_pool` of `api`, `objects`, `plan` or
`controllers`.

Glossary
--------
Numbers and markets::

    number, DID          one E.164 phone number that we own at one carrier account
    E.164                the international form of a number: plus sign, country code, national number
    NPA                  a North American area code
    market               country, number type, area codes and capabilities: what kind of number is wanted
    offer                a number that a carrier says can be bought now
    holding              a number that a carrier account owns, as the carrier tells it
    mark                 what we write on a number at the carrier, so that it is known as ours
    orphan               a number with our mark that has no PhoneNumber
    drift                the carrier has something else than what we told it
    attestation          how a carrier signs calls (STIR/SHAKEN): A, B or C

Stock::

    pool                 numbers that wait for claims
    supply               numbers that are free, in flight or returning
    low watermark        the supply under which a pool orders
    burn rate            numbers that a pool uses up in a day
    lead time            from the first work on an order to its last number
    reorder point        the stock that lasts through a lead time at the service level
    runway               how long the stock lasts at the burn rate
    top-up               the orders that bring a pool to its target
    purchase lock        lets one order at a time buy from one account
    sweep                the carrier's listing, page by page, held against our objects

Claims and life::

    claim                one request for one number of a pool
    claim queue          who waits for which pool, first come, first served
    assignment           a number that the queue has chosen for a claim and that is not written yet
    obstacle             why a claim, or a release, can't go on now
    connection secret    the object that `writeTo` names, with number and SIP route
    cooling              a number's rest before it is used again
    quarantine           a number that is out of use for a spam label, or by a person's word
    parked               a number whose traffic is stopped by taking its routing off
    removal              the way of a number out of the fleet: request, hold, grant, last look, release
    surplus              free numbers beyond the target, which a pool may ask to go
    breaker              stops all releases of a pool when too many are asked for at once

Documents::

    bundle               identity and address documents that a carrier approves, reused by many orders
    submission           one bundle at one carrier account for one number type
    bundle attachment    that a number carries an approved bundle at its carrier
    redaction            keeping personal data out of status, events and logs

Call time::

    dispatcher           the HTTP service that picks a number for a call or message
    rotation set         numbers that are used in turn as caller ID or sender, each under its caps
    member               a number of a rotation set, with its caps and counts of the day
    roster               all members of a set for one day
    pick                 the answer to "which number do I use now?"
    sticky               the same recipient is shown the same number
    deferral             a contact that is put off, with room reserved for it
    reservation          room on a member's day that is kept for a deferral
    opt-out              a recipient who must not be contacted; also called a suppression
    ledger               what the dispatcher must remember: SQLite, or PostgreSQL
    proxy number         the number of ours that a participant calls, and sees, in place of another person's
    session              who reaches whom by proxy numbers, until it ends; each of its two participants is a leg
    campaign, brand      what US carriers register senders as (10DLC), with limits of their own

Program::

    desired state        what an object should be, from all that says something about it
    memory               what the operator notes for itself in an object's status; no interface
    trigger              what changed, and which keys are to be looked at for it
    pending observation  what we have just done and what the informer has not shown yet
    simulation           the sandbox carrier, or a plan played on a copy of the cluster (dry run)
"""

__version__ = "0.2.0"

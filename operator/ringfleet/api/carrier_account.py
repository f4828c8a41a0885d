"""`CarrierAccount`: one account at one carrier, with its credentials, its limits, and who may use it."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.meta import (
    AGE,
    READY,
    REASON,
    Amount,
    Column,
    Currency,
    Duration,
    HttpUrl,
    ListType,
    NamespaceList,
    Part,
    Resource,
    Rule,
    SecretKeyRef,
    Status,
    Time,
    WebhookSecretRef,
    immutable,
    lasting,
    or_else,
    short_name,
)
from ringfleet.model.policy import SuspendBy

Endpoint = Annotated[
    str,
    Field(max_length=2048),
    Rule(
        r'self.matches("^https?://[^/?#@\\s]+(/[^?#@\\s]*)?$")',
        "write the URL of an API, such as https://api.didhub.io: without user, password, query, fragment or blanks; "
        "credentials belong into the Secret",
    ),
]


class Provider(StrEnum):
    DIDHUB = "DIDHub"
    """DIDHub. The sandbox carrier speaks its protocol."""
    TWILIO = "Twilio"
    """Twilio. The sandbox carrier speaks its protocol too, below /twilio."""
    TELNYX = "Telnyx"
    """Telnyx. The sandbox carrier speaks its protocol too, below /telnyx."""


class InboundBy(StrEnum):
    AUTO = "Auto"
    """By EventStreams where the account has them and they work, else by Relay."""
    EVENT_STREAMS = "EventStreams"
    """Twilio's Event Streams: a sink of ours is told of every message of the account, a messaging service's too, and
    the number's own webhook is called by the carrier, as its RoutingProfile names it. The sink is made once, is known
    by its description (`Ringfleet` and the installation's id), and goes with this field or with publicURL. While it is
    not active the condition StreamBroken says so. Twilio may bill events; Relay costs none. Only of Twilio."""
    RELAY = "Relay"
    """The carrier calls the dispatcher in place of the webhook that a RoutingProfile names for messages, and the
    dispatcher passes the request on as it came, at least once. The signature in it is for the URL in
    X-Ringfleet-Original-Url, and what the program answers is not written back. While the dispatcher can't take a
    request, the carrier calls the program itself. Nothing is passed on to an address that is not on the internet
    (private, loopback, link-local, a cloud's metadata), unless the dispatcher's --relay-network has it: the request
    waits for a week then. Messages to a messaging service are not relayed."""


class AccountWebhooks(Part):
    """Whom the carrier calls for messages that come in."""

    public_url: Annotated[HttpUrl | None, Field(alias="publicURL")] = None
    """The base URL by which the carrier reaches the dispatcher's listener for events, such as
    https://events.example.com. With it, the carrier tells the dispatcher of each message that comes in, in the way that
    spec.webhooks.inbound says, so that no STOP waits. Needs webhookSecretRef. Only of Twilio and Telnyx. Without it,
    the carrier calls the program's webhook alone, and a STOP is heard when messages are listed (status.records)."""
    inbound: InboundBy = InboundBy.AUTO
    """How the carrier tells the dispatcher of messages that come in; it needs spec.webhooks.publicURL. What is used is
    in status.webhooks."""


class AccountLimits(Part):
    """How hard the operator may press the carrier, all pools of the account together. CarrierAccounts that are one
    account at the carrier (status.accountId) keep one pace, by the smallest limits of all of them; another installation
    that uses the account keeps its own."""

    requests_per_second: Annotated[int, Field(ge=1, le=1000)] = 10
    """The most calls to the carrier's API in one second, those of all pools and of all CarrierAccounts that are this
    account together."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """The most calls to the carrier's API at the same time, those of all pools and of all CarrierAccounts that are this
    account together."""
    purchases_per_hour: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """The most numbers that are bought through this account in any hour, by all pools together, purchases that are
    under way or whose outcome is not known included. Without it: no limit."""
    timeout: Annotated[Duration, lasting("1s", "10m")] = timedelta(seconds=30)
    """How long one call to the carrier's API may take, from 1s to 10m. A purchase that is cut short has to be looked
    up."""


class Catalog(Part):
    """How long what a search found stays usable while the carrier's search is down."""

    cache_ttl: Annotated[Duration, Field(alias="cacheTTL")] = timedelta(minutes=15)
    """The age up to which remembered offers are ordered from while the carrier's search is down; the condition
    CatalogStale says so then. Twice in that time, what the account's pools would search is searched, one search in five
    seconds at most, and what it gave is kept in the ConfigMap `<account>-catalog`. "0s": nothing is remembered, and
    search is called for orders only."""


class CarrierAccountSpec(Part):
    """The account as you want it used."""

    rules = (
        Rule(
            "self.provider != 'Twilio' || !has(self.endpoint) || self.endpoint.contains('{product}')",
            "Twilio has a host for each of its products: write {product} where its name stands, such as "
            "https://{product}.twilio.com, or leave the endpoint out",
            at=".endpoint",
        ),
        Rule(
            "self.provider == 'Twilio' || !has(self.trustProduct)",
            "only Twilio has trust products: leave trustProduct out",
            at=".trustProduct",
        ),
        Rule(
            "!has(self.webhooks) || !has(self.webhooks.publicURL) || has(self.webhookSecretRef)",
            "name in webhookSecretRef what the carrier signs with: the dispatcher passes on nothing that nobody has "
            "signed",
            at=".webhooks.publicURL",
        ),
        Rule(
            "!has(self.webhooks) || !has(self.webhooks.publicURL) || self.provider != 'DIDHub'",
            "DIDHub tells its webhook of messages beside the program that gets them: leave publicURL out",
            at=".webhooks.publicURL",
        ),
        Rule(
            "!has(self.webhooks) || self.webhooks.inbound != 'EventStreams' || self.provider == 'Twilio'",
            "only Twilio has Event Streams: leave inbound out",
            at=".webhooks.inbound",
        ),
        Rule(
            "!has(self.webhooks) || self.webhooks.inbound == 'Auto' || has(self.webhooks.publicURL)",
            "name in publicURL where the carrier reaches the dispatcher",
            at=".webhooks.inbound",
        ),
        Rule(
            "self.provider == 'Twilio' || !has(self.subaccount)",
            "only Twilio has subaccounts that other credentials open: leave subaccount out",
            at=".subaccount",
        ),
        Rule(
            "has(self.subaccount) == has(oldSelf.subaccount)",
            "subaccount can't come or go: its numbers stay where they were bought; make another CarrierAccount",
            at=".subaccount",
        ),
    )

    provider: Annotated[
        Provider, immutable("provider", "its numbers stay where they were bought; make another CarrierAccount")
    ]
    """The carrier whose API this is. It can't change."""
    endpoint: Endpoint | None = None
    """The base URL of the carrier's API, without a version, such as "https://api.didhub.io". Twilio has a host for each
    of its products, which the URL names by {product}: "https://{product}.twilio.com". The sandbox carrier is reached by
    its own URL here, for Twilio "http://<host>/twilio/{product}", for Telnyx "http://<host>/telnyx". Without it: the
    provider's own, where each purchase costs real money. Never point an account that has numbers at another account of
    the carrier, by URL or by token: its PhoneNumbers would be missed there (ListingShrunk, Lost)."""
    credentials_secret_ref: SecretKeyRef
    """The Secret in this namespace with the account's credentials. Of DIDHub that is the API token, under the key that
    is named here. Of Twilio: accountSid, with either authToken or both apiKeySid and apiKeySecret; of Telnyx:
    apiKey; under these very keys. A changed Secret is picked up by itself. To share the account with other namespaces,
    let them in by spec.allowedNamespaces: a second CarrierAccount with the same credentials only says
    DuplicateAccount."""
    webhook_secret_ref: WebhookSecretRef | None = None
    """The Secret key in this namespace that holds what the carrier signs its webhooks with, one secret a line; of
    Twilio it is the auth token, and of a subaccount its own one, also where its parent's credentials open it; of
    Telnyx it is the public key that its portal shows. Webhooks tell the dispatcher (`ringfleet dispatch`, which picks a
    number for each call of a RotationSet) of calls, answers, spam labels and opt-outs. Without it, the dispatcher
    refuses the account's events: no STOP is heard, and no spam label or answer rate known. The address to give the
    carrier is `<dispatcher>/v1/events/<namespace>/<name>`, where the dispatcher's listener for events is reached from
    the internet."""
    subaccount: (
        Annotated[
            str,
            Field(max_length=34),
            Rule(
                'self.matches("^AC[0-9a-f]{32}$")',
                "write the SID of a subaccount, which is AC and 32 digits of 0-9 and a-f",
            ),
            immutable("subaccount", "its numbers stay where they were bought; make another CarrierAccount"),
        ]
        | None
    ) = None
    """SID of the Twilio subaccount that this CarrierAccount is. The numbers, documents and profiles of a subaccount are
    its own; what it buys is paid from its parent's balance. The Secret has the subaccount's own credentials, or its
    parent's: accountSid with authToken, or with a main API key. Two CarrierAccounts of one subaccount are one account
    (status.accountId), whichever credentials open it. Without it: the account whose accountSid the Secret has. A
    managed account of Telnyx has an API key of its own, which goes into the Secret, and needs no field. It can't
    change."""
    trust_product: (
        Annotated[
            str,
            Field(max_length=34),
            Rule(
                "self.matches('^BU[0-9a-f]{32}$')",
                "write the SID of a trust product, which is BU and 32 digits of 0-9 and a-f",
            ),
        ]
        | None
    ) = None
    """SID of the account's SHAKEN trust product at Twilio, which no other provider has; Twilio must have approved it.
    Each sweep puts into it the numbers of the US and Canada that carry this installation's mark and are in none, and
    into the business profile that it stands on, so that their calls are signed with A (STIR/SHAKEN), as Voice
    RotationSets ask. Without it, numbers are put into none; those that somebody else has put into an approved one are
    signed all the same. Taking it away takes no number out of the trust product. The condition SweepRefused says why a
    number can't be put into it."""
    webhooks: AccountWebhooks | None = None
    limits: AccountLimits = AccountLimits.model_construct()
    catalog: Catalog = Catalog.model_construct()
    suspend_by: SuspendBy = SuspendBy.VERB
    """How the traffic of a number is stopped when the number is suspended; it has nothing to do with spec.suspend of
    the account."""
    sweep_interval: Annotated[Duration, lasting("5s", "24h")] = timedelta(minutes=10)
    """How often everything that the account owns is listed and compared with the cluster, from 5s to 24h."""
    allowed_namespaces: NamespaceList = ()
    """Namespaces, beside the account's own, whose NumberPools may order from this account, whose PhoneNumbers (with the
    RoutingProfiles that they follow) are looked after there, and whose ComplianceBundles are filed there; "*" lets in
    all. Of a namespace that is taken out nothing is given back: its numbers stay as they are at the carrier, and are
    changed no more (AccountNotAllowed). Whoever is let in buys with this account's money: a NumberQuota in each such
    namespace limits that. Without it, only the account's own namespace is let in."""
    suspend: bool = False
    """True pauses the account: nothing is bought, changed or listed at the carrier. Numbers and objects stay as they
    are, are billed, and calls go on: meanwhile no number's traffic can be stopped or resumed, whatever its PhoneNumber,
    NumberClaim or NumberQuota says. Deadlines that the carrier has set for documents run on."""


class Balance(Part):
    """Money left in the account."""

    amount: Amount
    """Money left in the account, in major units (dollars, not cents), such as "99.50"."""
    currency: Currency
    """ISO 4217 code of the currency of the balance, such as USD."""


class Calls(StrEnum):
    FLOWING = "Flowing"
    """The carrier takes calls as fast as spec.limits lets them go."""
    THROTTLED = "Throttled"
    """The carrier asks for fewer calls (condition Throttled)."""
    CIRCUIT_OPEN = "CircuitOpen"
    """The last calls all failed, and the carrier is left alone for a while (condition CircuitOpen)."""


class AccountNumbers(Part):
    """What the last complete and credible listing of the account showed."""

    owned: int = 0
    """How many numbers the account owns, with a mark or without. A mark is a tag at the carrier that says which
    installation, namespace and pool bought the number."""
    ours: int = 0
    """How many numbers of the account carry this installation's mark."""
    unmanaged: int = 0
    """How many numbers of the account carry no mark, or another installation's. They are counted and never touched."""
    orphans: int = 0
    """How many numbers carry this installation's mark, and have no PhoneNumber in the cluster and no pool that could
    adopt them: one that orders from this account, in a namespace that the account lets in. The condition Orphans says
    why."""
    unreadable: int | None = None
    """How many numbers of the account, among the owned, the operator can't read, such as a short code; absent when
    there are none. They are left alone; the condition Unreadable says what can't be read."""
    shrunk_to: int | None = None
    """How many numbers the latest listing showed, if those were too few to be believed: under 80 percent of the last
    ones, less those given back since. The other counts are then from the listing before. Written into the annotation
    ringfleet.dev/accept-listing of the account, this number says that the missing ones are really gone: they become
    Lost, and others are bought for those that were free. Look into the carrier's console first."""


class AccountPurchases(Part):
    """How much of spec.limits.purchasesPerHour is used; absent without that limit."""

    last_hour: int = 0
    """How many numbers were bought within the last hour, may have been, or are set aside for an order."""
    next_time: Time | None = None
    """Time from which another number may be bought; absent while one may be, or while that depends on an order that is
    under way."""


class MarkedPool(Part):
    """A pool that has numbers in the account."""

    pool: str
    """The NumberPool, as namespace/name, that the mark of the numbers names. It need not exist any more."""
    numbers: int
    """How many numbers carried that mark when the account was last listed."""


class AccountMemory(Part):
    """The operator's own notes, not an interface: any version may change them. They say whose numbers the account has,
    so that no pool that comes back from a backup is taken for a new one while the account can't be listed."""

    pools: Annotated[tuple[MarkedPool, ...], ListType("map", ("pool",))] = ()
    """The pools that have numbers in the account."""
    unseen: bool | None = None
    """True: it answered when an operator last saw it, did not when the next one began, and was not listed since. What
    the cluster knows may be older than what was bought there, as after a restore of etcd. Absent else."""


class AccountRecords(Part):
    """Until when the carrier's lists of messages and calls have been read and handed to the dispatcher; a STOP whose
    webhook was lost is in them. Written at most hourly; absent without a dispatcher (RINGFLEET_DISPATCHER), and of a
    carrier that has no such lists. An operator that starts goes on from there, or three days back."""

    messages: Time | None = None
    """Time until which the messages that came in are known to the dispatcher."""
    calls: Time | None = None
    """Time until which calls are known to the dispatcher."""


class AccountCatalog(Part):
    """What is remembered for when the carrier's search is down; absent while nothing is."""

    searches: int = 0
    """How many searches, each of a pool's country, type, area code and capabilities, could be answered from memory."""
    oldest_seen_at: Time | None = None
    """While the carrier's search is down: when the oldest of these answers was seen; it is ordered from for
    spec.catalog.cacheTTL after that. Absent while search works: the answers are then renewed all the time."""


class InboundNow(StrEnum):
    EVENT_STREAMS = "EventStreams"
    """By the account's event stream, beside the program."""
    RELAY = "Relay"
    """By the request that is passed on to the program."""


class WebhooksInUse(Part):
    """How the carrier tells the dispatcher of messages that come in."""

    inbound: Annotated[InboundNow, or_else(InboundNow, InboundNow.RELAY)]
    """The way that is used now."""
    sink: str | None = None
    """The carrier's id of the sink of ours that is told of messages; absent where there is none."""


class CarrierAccountStatus(Status):
    """The account as it was last seen; written by the operator."""

    account_id: str | None = None
    """The carrier's own id of the account that the credentials open. Two CarrierAccounts with the same id, provider and
    endpoint host are one account: the older one is used, and the other one says DuplicateAccount; while the older one
    has no credentials that the carrier takes, the other one is used. While something of this object is at that account,
    credentials of another one are not used (AccountChanged)."""
    calls: Annotated[Calls | None, or_else(Calls, None)] = None
    """How calls to the carrier go; absent while none can be made for another reason, which Ready has."""
    balance: Balance | None = None
    numbers: AccountNumbers | None = None
    swept_at: Time | None = None
    """Time of the listing by which the account was last swept; written when it is an hour newer than what stands here.
    Older than that and spec.sweepInterval together: the numbers can't be listed."""
    catalog: AccountCatalog | None = None
    purchases: AccountPurchases | None = None
    records: AccountRecords = AccountRecords.model_construct()
    webhooks: WebhooksInUse | None = None
    """Absent without spec.webhooks.publicURL, and before the account was asked."""
    installation: str | None = None
    """The id that marks our numbers at the carrier: the operator's --installation (RINGFLEET_INSTALLATION), or the
    first part of the UID of this cluster's namespace kube-system. In a cluster that is made anew that UID is another
    one, and all numbers are another installation's (NotOurs): start the operator there with the id of before."""
    memory: AccountMemory = AccountMemory.model_construct()


class CarrierAccount(Resource):
    """One account at a carrier: where its API is, which Secret opens it, how hard it may be pressed, and which
    namespaces may order from it. Its status says whether it answers, what money is left and what it owns. One object
    for each account: other namespaces use it by spec.allowedNamespaces.

    What a person may annotate:

    - ringfleet.dev/frozen: Stops buying, giving back, binding and picking for the account's numbers: a RotationSet uses
      none of them for a call. Incoming calls go on. The value says who and why, as `who: why`. `kubectl ringfleet
      freeze` writes it, and `kubectl ringfleet thaw` removes it.
    - ringfleet.dev/accept-account: Says that another account at the carrier is meant than the one that holds the
      numbers (reason AccountChanged), as when the carrier has moved them; the value is the id of the new one, which
      the message tells, or `untold` for one that does not tell its id, as one at Telnyx that has nothing yet.
    - ringfleet.dev/accept-listing: Says that numbers which a shrunk listing misses are really gone; the value is
      status.numbers.shrunkTo. Those that three listings in a row miss, and that the carrier does not show when asked
      for each, become Lost: pools buy others for those that were free, RotationSets claim others, and other claims keep
      theirs.
    """

    rules = (short_name(63, "it labels its numbers"),)

    plural: ClassVar = "carrieraccounts"
    singular: ClassVar = "carrieraccount"
    short_names: ClassVar = ("ca",)
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Provider", ".spec.provider"),
        Column("Balance", ".status.balance.amount"),
        Column("Currency", ".status.balance.currency", priority=1),
        Column("Calls", ".status.calls"),
        Column("Ours", ".status.numbers.ours", "integer"),
        Column("Owned", ".status.numbers.owned", "integer"),
        Column("Swept", ".status.sweptAt", "date"),
        Column("Unmanaged", ".status.numbers.unmanaged", "integer", priority=1),
        Column("Orphans", ".status.numbers.orphans", "integer", priority=1),
        REASON,
        Column("Endpoint", ".spec.endpoint", priority=1),
        Column("Account ID", ".status.accountId", priority=1),
        AGE,
    )

    kind: str = "CarrierAccount"
    spec: CarrierAccountSpec
    status: CarrierAccountStatus = CarrierAccountStatus.model_construct()

"""What is known of one number when its next step is decided: the wish, the memory, the carrier's word, the account.

All of it is in one value, `Case`, which every rule of `plan/phone_number/plan.py` takes. Nothing here decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringfleet.model import E164, Holding, HoldingStatus, Mark, Phase
from ringfleet.model.emergency import EmergencyAddress, EmergencyStanding
from ringfleet.model.policy import SuspendBy
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.phone_number.removal import Farewell, Obstacle, Way


@dataclass(frozen=True, slots=True)
class DesiredRouting:
    """The routing profile that a number is to follow."""

    profile: str
    """Name of the RoutingProfile."""
    external_id: str = ""
    """The carrier's id of the profile at the number's account; empty: the profile was never told there."""
    missing: bool = False
    """No RoutingProfile of this name exists."""
    held: bool = False
    """The profile is suspended (spec.suspend): nothing of it is told to the carrier, and numbers keep their routing."""
    told: bool = True
    """The number's account was told what the profile says now: a number may be pointed at it."""
    calls: bool = True
    """Whether the profile says where calls go; False: it is for messages only."""
    messages: bool = True
    """Whether the profile says where messages go; False: it is for calls only."""
    campaign: str | None = None
    """The campaign that the profile attaches numbers to; None: it names none."""


@dataclass(frozen=True, slots=True)
class Routed:
    """The routing that a number was given last.

    A number that is only observed was given none by us: of such a number it is the routing that the carrier says.
    """

    profile: str
    """Name of the RoutingProfile; empty when no profile of ours gave the routing."""
    external_id: str
    """The carrier's id of the routing."""
    calls: bool = True
    """Whether calls go anywhere by it, as far as is known; False: by its profile only messages do."""
    messages: bool = True
    """Whether messages go anywhere by it, as far as is known; False: by its profile only calls do."""
    campaign: str | None = None
    """The campaign that its profile attaches the number to; None: it names none, or that is not known."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """That somebody asked for the number to go, and how far that is."""

    way: Way
    """Whether the number is given back to the carrier, or only our mark comes off."""
    obstacle: Obstacle | None = None
    """Why the number stays although it was asked to go; None: nothing but time, place or the breaker is in the way."""
    granted: bool = False
    """The number may go now."""
    frozen: bool = False
    """The pool lets no number go now: its breaker has tripped."""
    waits: str = ""
    """What the number waits for, as sentences; read only while the number is not granted."""
    stopped: bool = False
    """A person has frozen the number's pool, its account, or everything."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The compliance bundle for a number that the carrier keeps back until it has documents."""

    waits_for: str
    """The bundle and its state in short, as "germany: Approved"; "no bundle" when none is chosen."""
    message: str
    """With an `external_id`, the bundle's name as a part of a sentence; without one, a sentence on what it lacks."""
    external_id: str | None = None
    """The carrier's id of the bundle once it is approved; None until then."""
    stuck: bool = False
    """Whether nothing comes of it before a person acts: there is no bundle, or the carrier rejects it."""
    tenants: ObjectRef | None = None
    """The bundle, where it is that of a claim; None: it is the pool's."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The compliance bundle that a number is to be registered to, by who holds it: see
    `plan/compliance_bundle/tenancy.py`."""

    tenants: ObjectRef | None
    """The bundle, where it is that of a claim; None: it is the pool's."""
    name: str
    """The bundle as people know it, with the account."""
    external_id: str | None
    """The carrier's id of its approved revision; None: there is none."""
    revisions: frozenset[str] = frozenset()
    """The carrier's ids of its revisions that numbers may carry besides."""
    reason: Reason = Reason.WAITING_FOR_BUNDLE
    """Why none is approved; read only then."""
    message: str = ""
    """The sentence that goes with it."""

    def has(self, attached: str | None) -> bool:
        """Whether what the number carries is a revision of it."""
        return attached is not None and (attached == self.external_id or attached in self.revisions)


@dataclass(frozen=True, slots=True)
class NewerRevision:
    """The approved revision of a compliance bundle that is to replace older ones on the numbers that carry them."""

    name: str
    """The bundle as people know it, with its account."""
    external_id: str
    """The carrier's id of the approved revision."""
    supersedes: frozenset[str]
    """The carrier's ids of the older revisions."""


@dataclass(frozen=True, slots=True)
class AttachRefusal:
    """The carrier did not take a bundle for the number when we attached it last."""

    external_id: str
    """The carrier's id of the bundle that was refused."""
    why: str
    """The end of a sentence; of the carrier's own words it quotes the code only."""
    due: bool = False
    """The refusal is old enough to ask again."""


@dataclass(frozen=True, slots=True)
class RefusedBundle:
    """What the status of a PhoneNumber remembers of a bundle that the carrier did not take for the number."""

    external_id: str
    """The carrier's id of the bundle."""
    code: str
    """The carrier's own word on why, of those that may be quoted; empty: it gave none."""
    times: int
    """How often in a row the carrier has refused that bundle."""
    again: datetime
    """When the carrier is asked again."""


@dataclass(frozen=True, slots=True)
class DesiredEmergency:
    """The emergency address that a number is to have, by its claim or else by its routing profile."""

    owner: str
    """Whose address it is, or who requires one, as words of a sentence, such as `NumberClaim shop/a`."""
    address: EmergencyAddress | None = None
    """None: there is none, or it can't be read."""
    reference: str = ""
    """What the address is known by at the carrier."""
    required: bool = False
    """The number must have one, where it can make calls and is of the US or Canada."""
    held: bool = False
    """The routing profile that says so is suspended (spec.suspend): the number keeps the address that it has."""
    unread: bool = False
    """The address is in a Secret that this process has not read yet."""
    unreadable: str = ""
    """Why the address can't be read, as a sentence; empty: it can, or there is none."""


@dataclass(frozen=True, slots=True)
class RefusedAddress:
    """What the status of a PhoneNumber remembers of an emergency address that the carrier did not take."""

    reference: str
    """What the address is known by at the carrier."""
    code: str
    """The carrier's own word on why; empty: it gave none."""
    message: str
    """What the carrier says of it, as far as that quotes nothing."""
    times: int
    """How often in a row the carrier has refused the address."""
    again: datetime
    """When the carrier is asked again."""


@dataclass(frozen=True, slots=True)
class NumberEmergency:
    """What the status of a PhoneNumber remembers of its emergency address."""

    standing: EmergencyStanding | None = None
    """How the carrier says that the number stands; None: it has not said."""
    reference: str | None = None
    """What the address is known by that we have set; None: we have set none."""
    set_to: str | None = None
    """The carrier's id of that address; None: we have set none."""
    setting: str | None = None
    """What the address is known by that we are setting, and that the number may have: it is written before the carrier
    is told. None: we are setting none."""
    refused: RefusedAddress | None = None
    """The address that the carrier refused last; None: it has refused none, or took one since."""


NO_EMERGENCY = NumberEmergency()


@dataclass(frozen=True, slots=True)
class DesiredNumber:
    """What a PhoneNumber should be, from its spec, claim, pool, quota and annotations."""

    number: E164
    routing: DesiredRouting | None = None
    """The routing profile that the number is to follow; None: nobody names one."""
    repair: bool = True
    """A routing that differs at the carrier is mended (spec.driftPolicy Repair); False: it is only reported."""
    observed: bool = False
    """The number is read and never changed at the carrier (spec.managementPolicy Observe)."""
    bound: bool = False
    """A claim has the number."""
    resting: bool = False
    """The last claim let the number go too short a time ago for another one to take it."""
    stop_reasons: tuple[str, ...] = ()
    """Why the number must carry no traffic, one sentence each; empty: traffic flows."""
    stopped_by_wish: bool = False
    """Nothing but the number's own spec.suspend is among these reasons."""
    stop_by: SuspendBy = SuspendBy.VERB
    """How the account stops traffic."""
    quarantine: str | None = None
    """Why a person has taken the number out of use; None: nobody has."""
    label: str | None = None
    """The spam label that is shown for the number; None: none is. In stock it is quarantined for that."""
    of_set: bool = False
    """A rotation set's claim has the number: the set decides about labels, and quarantines it itself."""
    leaving: Leaving | None = None
    """That the number was asked to go; None: nobody asked."""
    lost: bool = False
    """The carrier has not listed the number for so many looks that it counts as lost."""
    lost_to: str | None = None
    """The carrier's id of another account that has the lost number now; None: none is known."""
    pool_deleted: bool = False
    """The number's pool was deleted, and with it the wish for a routing: the number keeps the routing it has."""
    installation: str = ""
    """Our installation id, the only one whose mark the number may carry at the carrier; empty: any mark is accepted."""
    taken_by: str | None = None
    """Whom the number belongs to instead of this object, as words of a sentence; None: it is this object's."""
    documents: Documents | None = None
    """The compliance bundle that the number is to live by, while it is on its way; None: it is not, or has no pool."""
    newer_revision: NewerRevision | None = None
    """The approved revision that replaces the one the number carries; None: there is none to be attached."""
    registration: Registration | None = None
    """The bundle that the number is to be registered to; None: to whichever it is."""
    last_refusal: AttachRefusal | None = None
    """Why the carrier refused the last bundle that we attached; None: it never did."""

    emergency: DesiredEmergency | None = None
    """The emergency address that the number is to have; None: nobody has one for it, nor requires one."""
    emergency_countries: tuple[str, ...] | None = None
    """The countries whose numbers the carrier gives emergency addresses; None: it is not known, as the account is not
    open."""
    emergency_said: Condition | None = None
    """What its status says of its emergency address, while it is not known what the carrier can do; None: nothing."""
    emergency_again: bool = False
    """The carrier's last refusal of an emergency address is old enough to ask again."""
    calls: bool | None = None
    """Whether the number can make calls, as its status says; None: that does not say."""
    country: str | None = None
    """The number's country, as its status says; None: that does not say."""

    @property
    def is_out(self) -> bool:
        """Whether no claim is to get the number, nor any set to pick it: by a word of somebody's, or in stock by its
        label."""
        return self.quarantine is not None or (self.label is not None and not self.bound)


@dataclass(frozen=True, slots=True)
class NumberState:
    """What the status of a PhoneNumber remembers."""

    phase: Phase = Phase.ORDERING
    external_id: str | None = None
    """The carrier's id of the number; None until the number was found at the carrier."""
    routed: Routed | None = None
    """The routing that the number was given last; None: it was given none."""
    drift: str | None = None
    """How the carrier's routing was last seen to differ from ours, as a sentence; None: it did not."""
    activating: bool = False
    """The carrier's last word was that it is activating the number."""
    stopped: SuspendBy | None = None
    """How we have stopped the traffic, or are about to: it is written before the carrier is told. None: we have not."""
    parked: str | None = None
    """The carrier's id of the routing that a parked number had, whoever gave it; empty: none. None: not known."""
    farewell: Farewell | None = None
    """Since when the number has been asked to go; None: it is not."""
    attached: str | None = None
    """The carrier's id of the compliance bundle that the number carries; None: none, or nobody has said."""
    registered: ObjectRef | None = None
    """The bundle of a claim that the number is registered to, or may be: it is written before the carrier is told.
    None: it is none of a claim's."""
    waits_for: str | None = None
    """The bundle that the number was last said to wait for, with its state; None: it waits for none."""
    foreign_mark: Mark | None = None
    """The mark that the carrier was last seen to show, when it is of another installation or namespace; None: it was
    this object's, or there was none, or nobody has looked."""
    refused: RefusedBundle | None = None
    """The bundle that the carrier refused when we attached it last; None: it has refused none, or took one since."""
    emergency: NumberEmergency = NO_EMERGENCY
    """The number's emergency address, and whether it is ours."""


@dataclass(frozen=True, slots=True)
class Case:
    """One number, as the rules see it."""

    desired: DesiredNumber
    state: NumberState
    holding: Holding | None
    """The carrier's latest word on the number (an order's answer, a look-up, the sweep); None: it said nothing new."""
    account: AccountSeen
    """The number's carrier account: whether it can be called."""

    @property
    def found(self) -> bool:
        """Whether the number was ever seen at the carrier."""
        return self.holding is not None or self.state.external_id is not None

    @property
    def external_id(self) -> str:
        """The carrier's id of the number; empty for one that was never found, which is looked up before all else."""
        return self.holding.external_id if self.holding else self.state.external_id or ""

    @property
    def status(self) -> HoldingStatus:
        """How the carrier holds the number: by its latest word, else by what the number's status remembers of it."""
        if self.holding:
            return self.holding.status
        if self.state.phase is Phase.PENDING_DOCUMENTS:
            return HoldingStatus.PENDING_DOCUMENTS
        if self.state.phase is Phase.SUSPENDED and self.state.stopped is not SuspendBy.PARKING:
            return HoldingStatus.SUSPENDED
        return HoldingStatus.ACTIVATING if self.state.activating else HoldingStatus.ACTIVE

    @property
    def drift(self) -> str | None:
        """How the carrier's routing differs from the one that we gave; without a new word, what was known before.

        A parked number has no routing at the carrier by our own doing: that is no drift.
        """
        routed = self.state.routed
        if self.state.stopped is SuspendBy.PARKING:
            return None
        if self.holding is None or routed is None:
            return self.state.drift
        if self.holding.routing == routed.external_id:
            return None
        return f"The carrier routes the number to {self.holding.routing or 'nothing'}, not to {routed.external_id}."

    def refusal_of(self, bundle: str) -> AttachRefusal | None:
        """What the carrier said when the number was to be given this very bundle."""
        refusal = self.desired.last_refusal
        return refusal if refusal and refusal.external_id == bundle else None

"""The kinds as the API server serves them: what is accepted, filled in, kept, filtered, scaled and explained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ringfleet.api import (
    KINDS,
    CarrierAccount,
    ComplianceBundle,
    NumberClaim,
    NumberOrder,
    NumberPool,
    NumberQuota,
    PhoneNumber,
    Resource,
    RoutingProfile,
)
from ringfleet.api.carrier_account import AccountNumbers, Balance, CarrierAccountStatus
from ringfleet.api.compliance_bundle import (
    Approval,
    BegunCall,
    BundleMemory,
    ComplianceBundleStatus,
    FiledItem,
    Filing,
    FilingMemory,
    FilingReason,
    Refusal,
)
from ringfleet.api.crds import UNSEEN
from ringfleet.api.meta import Condition, Status
from ringfleet.api.number_claim import BoundNumber, ClaimMemory, ClaimPhase, NumberClaimStatus, WrittenPlace
from ringfleet.api.number_order import (
    NumberOrderStatus,
    OfferToken,
    OrderCost,
    OrderCounts,
    OrderItem,
    OrderMemory,
    OrderPhase,
    Source,
)
from ringfleet.api.number_pool import (
    Asking,
    CarrierMemory,
    DemandStatus,
    NumberPoolStatus,
    PoolCost,
    PoolMemory,
    PoolNumbers,
    ReleaseMemory,
    ReleaseStatus,
    TopUpMemory,
)
from ringfleet.api.number_quota import NumberQuotaStatus, QuotaUsed
from ringfleet.api.phone_number import (
    Farewell,
    NumberHealth,
    NumberPrice,
    NumberRouting,
    NumberStep,
    NumberUsage,
    PhoneNumberStatus,
    Suspension,
)
from ringfleet.api.routing_profile import ProfileAtAccount, ProfileDigest, ProfileMemory, RoutingProfileStatus
from ringfleet.model import Capability, ItemState, NumberType, Phase
from ringfleet.model.compliance import FilingState, Review
from tests.api.manifests import (
    Manifest,
    a_bundle,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_quota,
    a_set,
    an_account,
    an_order,
    changed,
    in_market,
)
from tests.controlplane.api import Api
from tests.controlplane.cluster import Cluster
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("crds")

# Where manifests/base is installed, nobody else writes a binding.
AS_OPERATOR = ("system:serviceaccount:ringfleet-system:ringfleet-operator", "system:masters")

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)

GOOD = {
    "the plain pool": a_pool(),
    "any area code of a country": in_market("DE", "Geographic"),
    "area codes of other countries": in_market("DE", "Geographic", "30", "89"),
    "an Italian area code, whose zero belongs to it": in_market("IT", "Geographic", "06"),
    "area codes that are newer than this version": in_market("US", "Geographic", "621", "436", "624", "861"),
    "a Caribbean area code": in_market("JM", "Geographic", "876", "658"),
    "North American toll-free codes": in_market("CA", "TollFree", "833", "800"),
    "mobile numbers": in_market("GB", "Mobile"),
    "a hundred area codes": in_market("GB", "Geographic", *(str(code) for code in range(1200, 1300))),
    "a target of nothing": changed(a_pool(), "spec.size", {"target": 0, "min": 0}),
    "a low watermark at the target": changed(a_pool(), "spec.size.min", 25),
    "a free number as the dearest": changed(a_pool(), "spec.limits", {"maxMonthlyPrice": "0", "currency": "EUR"}),
    "calls to a trunk": changed(a_profile(), "spec.voice", {"sipTrunk": {"targets": [{"uri": "sips:a.example:5061"}]}}),
    "calls to an agent": changed(a_profile(), "spec.voice", {"agent": {"id": "a1", "provider": "acme"}}),
    "messages only": changed(a_profile(), "spec", {"messaging": {"service": {"id": "m1", "campaign": "c1"}}}),
    "an account of the sandbox": changed(an_account(), "spec.endpoint", "http://127.0.0.1:8085"),
    "an order": an_order(),
    "a number": a_number(),
    "a plain claim": a_claim(),
    "a claim with every wish": changed(
        a_claim(),
        "spec",
        {
            "poolRef": {"name": "west", "namespace": "numbers"},
            "areaCode": "415",
            "areaCodeRequired": True,
            "wishes": [{"areaCode": "628"}, {"region": "San Francisco, CA"}],
            "capabilities": ["Voice", "SMS"],
            "tenant": "Ada & Co.",
            "onNoStock": "Order",
            "routingProfileRef": {"name": "desk"},
            "writeTo": {"configMap": {"name": "line"}},
        },
    ),
    "a claim with an area code that is a must among its wishes": changed(
        changed(a_claim(), "spec.areaCodeRequired", True), "spec.wishes", [{"areaCode": "628"}]
    ),
    "a claim on one number": changed(a_claim(), "spec.phoneNumberName", "14155550123"),
    "a quota": a_quota(),
    "a quota without limits": changed(a_quota(), "spec", {"billing": "PastDue", "grace": "24h"}),
    "a quota of nothing": changed(a_quota(), "spec.limits", {"numbers": 0, "monthlySpend": "0", "ordersPerDay": 0}),
    "a pool that releases with it": changed(
        changed(a_pool(), "spec.deletionPolicy", "Release"), "spec.release.mode", "Manual"
    ),
    "a pool that gives its surplus back": changed(
        changed(a_pool(), "spec.reclaim.idleAfter", "720h"), "spec.release.mode", "Automatic"
    ),
}


@pytest.mark.parametrize("manifest", GOOD.values(), ids=GOOD.keys())
def test_a_good_manifest_is_accepted(api: Api, namespace: str, manifest: Manifest) -> None:
    api.create(manifest, namespace)


def test_left_out_fields_are_filled_in_where_a_person_can_see_them(api: Api, namespace: str) -> None:
    api.create(an_account(), namespace)
    assert api.get("ca", "main", namespace)["spec"] == {
        "provider": "DIDHub",
        "credentialsSecretRef": {"name": "token", "key": "token"},
        "limits": {"requestsPerSecond": 10, "concurrency": 4, "timeout": "30s"},
        "catalog": {"cacheTTL": "15m"},
        "sweepInterval": "10m",
        "suspendBy": "Verb",
        "suspend": False,
    }


@pytest.mark.parametrize(
    ("kind", "manifest"),
    [
        (CarrierAccount, an_account()),
        (RoutingProfile, a_profile()),
        (ComplianceBundle, a_bundle()),
        (NumberPool, a_pool()),
        (NumberOrder, an_order()),
        (PhoneNumber, a_number()),
        (NumberClaim, a_claim()),
        (NumberQuota, a_quota()),
    ],
)
def test_the_server_fills_in_what_the_models_do(
    api: Api, namespace: str, kind: type[Resource], manifest: Manifest
) -> None:
    api.create(manifest, namespace)
    served = api.get(kind.plural, manifest["metadata"]["name"], namespace)
    assert kind.parse(served).spec == kind.parse(manifest).spec


READY = Condition(
    type="Ready",
    status="True",
    reason="AtTarget",
    message="All is well.",
    last_transition_time=NOW,
    observed_generation=1,
)
ALL = {"observed_generation": 1, "conditions": (READY,)}
ITEM = OrderItem(
    number="+14155550123",
    state=ItemState.UNKNOWN,
    monthly=Decimal("1.99"),
    setup=Decimal("0.00"),
    country="US",
    type=NumberType.GEOGRAPHIC,
    area_code="415",
    region="San Francisco, CA",
    capabilities=(Capability.VOICE, Capability.SMS),
    needs_documents=False,
    external_id="num_1",
    reason="OutcomeUnknown",
    message="The answer was lost.",
    renews_at=NOW,
    documents_deadline=NOW,
)
STATUSES: list[tuple[Manifest, type[Resource], Status]] = [
    (
        an_account(),
        CarrierAccount,
        CarrierAccountStatus(
            **ALL,
            balance=Balance(amount=Decimal("-12.50"), currency="USD"),
            numbers=AccountNumbers(owned=30, ours=20, unmanaged=10),
            installation="6a0c",
        ),
    ),
    (
        a_profile(),
        RoutingProfile,
        RoutingProfileStatus(
            **ALL,
            accounts=(ProfileAtAccount(account="default/main", external_id="rp-1"),),
            routed=3,
            drifted=1,
            memory=ProfileMemory(told=(ProfileDigest(account="default/main", hash="ab12"),)),
        ),
    ),
    (
        a_pool(),
        NumberPool,
        NumberPoolStatus(
            **ALL,
            numbers=PoolNumbers(total=25, available=20, ordering=5),
            supply=25,
            in_flight=5,
            surplus=0,
            shortfall=0,
            waiting_claims=0,
            next_attempt_time=NOW,
            demand=DemandStatus(
                burn_rate_per_day=Decimal("12.5"),
                lead_time=timedelta(minutes=90),
                recommended_target=40,
                runway_days=Decimal("1.6"),
                projected_exhaustion=NOW,
            ),
            cost=PoolCost(monthly=Decimal("49.75"), reserved=Decimal("59.70"), currency="USD"),
            release=ReleaseStatus(
                day="2026-07-01",
                released=("14155550123",),
                recent=(Asking(name="14155550123", at=NOW),),
                frozen_since=NOW,
                frozen_because="more numbers than usual were asked to go within ten minutes",
            ),
            replicas=25,
            selector="ringfleet.dev/pool=west",
            memory=PoolMemory(
                top_up=TopUpMemory(
                    sequence=1,
                    ordered=False,
                    order=NumberOrder.parse(an_order()).spec,
                    carriers=(
                        CarrierMemory(namespace="default", name="main", sequence=1, reason="NoStock", message="None."),
                    ),
                ),
                release=ReleaseMemory(granted=("14155550123",), cleared=("14155550123",)),
            ),
        ),
    ),
    (
        an_order(),
        NumberOrder,
        NumberOrderStatus(
            **ALL,
            phase=OrderPhase.SUBMITTING,
            key="key-1",
            source=Source.LIVE,
            items=(ITEM,),
            counts=OrderCounts(unknown=1),
            cost=OrderCost(monthly=Decimal("1.99"), setup=Decimal(0), currency="USD"),
            attempts=2,
            next_attempt_time=NOW,
            last_error="timed out",
            failure="NoStock",
            message="No more numbers.",
            started_at=NOW,
            completed_at=NOW,
            memory=OrderMemory(tokens=(OfferToken(number="+14155550123", token="sel_1"),)),
        ),
    ),
    (
        a_number(),
        PhoneNumber,
        PhoneNumberStatus(
            **ALL,
            phase=Phase.AVAILABLE,
            external_id="num_1",
            country="US",
            type=NumberType.GEOGRAPHIC,
            area_code="415",
            region="San Francisco, CA",
            capabilities=(Capability.VOICE,),
            price=NumberPrice(monthly=Decimal("1.99"), setup=Decimal(0), currency="USD"),
            purchased_at=NOW,
            renews_at=NOW,
            documents_deadline=NOW,
            routing=NumberRouting(profile="desk", external_id="rp_1", routed_at=NOW),
            drift="It is routed elsewhere.",
            health=NumberHealth(answer_rate=Decimal("0.5"), spam_label="Spam Likely", attestation="A"),
            usage=NumberUsage(day="2026-07-01", calls=3),
            suspension=Suspension(by="Parking"),
            farewell=Farewell(since=NOW, cause="Manual", not_before=NOW + timedelta(hours=72)),
            cooling_until=NOW,
            free_since=NOW,
            history=(NumberStep(at=NOW, phase=Phase.BOUND, reason="Routed", by="NumberClaim shop/desk"),),
        ),
    ),
    (
        a_claim(),
        NumberClaim,
        NumberClaimStatus(
            **ALL,
            phase=ClaimPhase.BOUND,
            phone_number=BoundNumber(
                name="14155550123",
                namespace="numbers",
                number="+14155550123",
                region="San Francisco, CA",
                price=NumberPrice(monthly=Decimal("1.99"), setup=Decimal(0), currency="USD"),
                health=NumberHealth(attestation="A"),
            ),
            bound_at=NOW.replace(microsecond=45_000),
            time_to_bind="45ms",
            place=3,
            memory=ClaimMemory(ticket=4711, written_to=(WrittenPlace(kind="Secret", name="phone"),)),
        ),
    ),
    (
        a_bundle(),
        ComplianceBundle,
        ComplianceBundleStatus(
            **ALL,
            filings=(
                Filing(
                    account="default/main",
                    number_type=NumberType.GEOGRAPHIC,
                    state=FilingState.REJECTED,
                    review=Review.REJECTED,
                    id="bundle-2",
                    superseded=("bundle-0",),
                    approved=Approval(id="bundle-1", expires_at=NOW),
                    reasons=(FilingReason(document="register", reason="illegible", message="It can't be read."),),
                    missing=("an address: street, city",),
                    submitted_at=NOW,
                    next_look=NOW,
                ),
            ),
            states="Rejected",
            expires_at=NOW,
            memory=BundleMemory(
                filings=(
                    FilingMemory(
                        account="default/main",
                        number_type=NumberType.GEOGRAPHIC,
                        revision="ab12",
                        renewals=1,
                        approved_revision="ef56",
                        approved_renewals=1,
                        items=(FiledItem(name="register", hash="cd34", id="document-1"),),
                        begun=(BegunCall(reference="rf.ab12", at=NOW),),
                        refused=Refusal(reference="rf.ef56", message="Too large."),
                        looks=3,
                    ),
                ),
            ),
        ),
    ),
    (
        a_quota(),
        NumberQuota,
        NumberQuotaStatus(
            **ALL,
            used=QuotaUsed(numbers=12, monthly_spend=Decimal("23.88"), orders_today=2),
            past_due_since=NOW,
            suspended_since=NOW,
        ),
    ),
]


@pytest.mark.parametrize(("manifest", "kind", "status"), STATUSES, ids=[kind.plural for _, kind, _ in STATUSES])
def test_a_status_comes_back_just_as_it_was_written(
    api: Api, namespace: str, manifest: Manifest, kind: type[Resource], status: Status
) -> None:
    name = manifest["metadata"]["name"]
    api.create(manifest, namespace)
    api.patch(kind.plural, name, {"status": status.as_dict()}, namespace, "status")
    served = api.get(kind.plural, name, namespace)
    assert served["status"] == status.as_dict()
    assert kind.parse(served).status == status


def test_a_person_can_not_write_a_status_by_applying_a_manifest(api: Api, namespace: str) -> None:
    api.create(changed(a_pool(), "status.supply", 7), namespace)
    assert api.get("np", "west", namespace)["status"] == UNSEEN


def test_a_pool_is_scaled_like_a_deployment(api: Api, namespace: str) -> None:
    api.create(a_pool(), namespace)
    api.scale("np", "west", 100, namespace)
    assert api.get("np", "west", namespace)["spec"]["size"]["target"] == 100


@pytest.mark.parametrize(("size", "volume", "replicas"), [(6, None, 6), (None, 200, 0), (None, None, 0)])
def test_an_autoscaler_reads_the_size_of_any_set(
    api: Api, namespace: str, size: int | None, volume: int | None, replicas: int
) -> None:
    """Of a set with a volume it reads 0, by which a HorizontalPodAutoscaler leaves it alone; it was a 500."""
    api.create(changed(changed(a_set(), "spec.size", size), "spec.dailyVolume", volume), namespace)
    scale = api.request("GET", api.kind("rotationset").path(namespace, "calls", "scale"))
    assert scale["spec"].get("replicas", 0) == replicas


@pytest.mark.parametrize("market", [("US", "Geographic"), ("DE", "Geographic"), ("US", "TollFree"), ("GB", "Mobile")])
def test_area_codes_may_be_left_out(api: Api, namespace: str, market: tuple[str, str]) -> None:
    country, type_ = market
    api.create(changed(a_pool(), "spec.market", {"country": country, "type": type_}), namespace)


def test_the_area_codes_of_a_pool_may_change(api: Api, namespace: str) -> None:
    api.create(a_pool(), namespace)
    api.patch("np", "west", {"spec": {"market": {"areaCodes": ["212"]}}}, namespace)


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.poolRef.name=west", ["14155550123"]),
        ("spec.accountRef.name=main", ["14155550123", "14155550124"]),
        ("spec.claimRef.uid=u-1", ["14155550124"]),
        ("status.phase=Bound", ["14155550124"]),
    ],
)
def test_numbers_are_filtered_by_the_server(
    cluster: Cluster, api: Api, namespace: str, selector: str, found: list[str]
) -> None:
    claim = {"namespace": "shop", "name": "line", "uid": "u-1"}
    api.create(a_number("14155550123", pool="west"), namespace)
    taken = changed(a_number("14155550124", pool="east"), "spec.claimRef", claim)
    cluster.api_as(*AS_OPERATOR).create(taken, namespace)
    api.patch("pn", "14155550124", {"status": {"phase": "Bound"}}, namespace, "status")
    listed = api.list("pn", namespace, fieldSelector=selector)
    assert [one["metadata"]["name"] for one in listed] == found


@pytest.mark.parametrize(
    ("selector", "found"),
    [("spec.poolRef.name=west", ["line"]), ("status.phase=Waiting", ["other"]), ("status.phase=Bound", [])],
)
def test_claims_are_filtered_by_the_server(api: Api, namespace: str, selector: str, found: list[str]) -> None:
    api.create(a_claim(), namespace)
    api.create(changed(changed(a_claim(), "metadata.name", "other"), "spec.poolRef.name", "east"), namespace)
    api.patch("nc", "other", {"status": {"phase": "Waiting"}}, namespace, "status")
    listed = api.list("nc", namespace, fieldSelector=selector)
    assert [one["metadata"]["name"] for one in listed] == found


SHORT_NAMES = {
    "ca": CarrierAccount,
    "rp": RoutingProfile,
    "cb": ComplianceBundle,
    "np": NumberPool,
    "norder": NumberOrder,
    "pn": PhoneNumber,
    "nc": NumberClaim,
    "nq": NumberQuota,
}


@pytest.mark.parametrize("short_name", SHORT_NAMES)
def test_every_kind_answers_to_its_short_name(api: Api, short_name: str) -> None:
    assert api.kind(short_name) == api.kind(f"{SHORT_NAMES[short_name].plural}.ringfleet.dev")


def test_all_our_kinds_are_listed_by_category(
    api: Api, kubectl: Callable[..., str], namespace: str, tmp_path: Path
) -> None:
    """A category that it does not know kubectl does not look up again: it starts with nothing remembered."""
    for manifest in (an_account(), a_profile(), a_pool(), an_order(), a_number(), a_claim(), a_quota()):
        api.create(manifest, namespace)
    listed = kubectl("get", "-n", namespace, "ringfleet", "-o=name", f"--cache-dir={tmp_path}")
    assert len(listed.split()) == 7


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("numberpool.spec.size", "low watermark"),
        ("numberpool.spec.market.areaCodes", "the preferred one first"),
        ("phonenumber.spec.deletionPolicy", "our mark comes off, so that it is not taken for ours"),
        ("numberorder.status.items.state", "counts as bought until looked up"),
        ("carrieraccount.spec.limits.timeout", "How long one call to the carrier's API may take"),
        ("numberclaim.spec.onNoStock", "first come, first served"),
        (
            "numberquota.spec.billing",
            "The traffic stops at once of every number that the namespace holds",
        ),
    ],
)
def test_a_field_is_explained(fields: Fields, field: str, says: str) -> None:
    """What `kubectl explain` prints is this text; that it does is shown by tests/cluster/test_at_a_glance.py."""
    assert says in " ".join(fields.description(*field.split(".")).split())


class Fields:
    """What the API server's OpenAPI document says of our kinds' fields."""

    def __init__(self, api: Api) -> None:
        document = api.request("GET", "/openapi/v3/apis/ringfleet.dev/v1alpha1")
        self._schemas = {
            name.rpartition(".")[2].lower(): schema for name, schema in document["components"]["schemas"].items()
        }

    def has_all(self) -> bool:
        """Whether the document is up to date: it is written a moment after the kinds are served."""
        return {kind.plural.removesuffix("s") for kind in KINDS} <= self._schemas.keys()

    def description(self, kind: str, *path: str) -> str:
        schema = self._schemas[kind]
        for field in path:
            schema = schema.get("items", schema)["properties"][field]
        return str(schema["description"])


@pytest.fixture(scope="module")
def fields(api: Api, crds: None) -> Fields:
    return wait_until(lambda: found if (found := Fields(api)).has_all() else None, "our kinds to be documented")

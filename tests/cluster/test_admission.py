"""What the API server refuses by manifests/base/admission.yaml, and that each refusal names the object and the remedy.

No operator runs here: what it writes is written under its own account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from ringfleet.controllers.status_writer import BINDER
from tests.api.manifests import Manifest, a_manifest, a_named_order, a_number, a_pool, an_order, changed
from tests.cluster.stage import SYSTEM, leave_namespace
from tests.controlplane.api import MERGE_PATCH, Api, Refused
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role, a_role_binding, a_rule
from tests.waiting import wait_until

CLAIM = {"namespace": "shop", "name": "line", "uid": "u-1"}
OTHER_CLAIM = {"namespace": "shop", "name": "other", "uid": "u-2"}
FREE = a_number()
BOUND = changed(FREE, "spec.claimRef", CLAIM)
RESTING = changed(FREE, "spec.unboundAt", "2026-07-01T12:00:00Z")
PROTECTED = changed(FREE, "spec.protected", True)
CLAIMED = a_manifest("NumberClaim", "line", {"poolRef": {"name": "west"}})
NUMBER_FINALIZER = "ringfleet.dev/number"
CLAIM_FINALIZER = "ringfleet.dev/claim"
IN_USE_FINALIZER = "ringfleet.dev/in-use"
HELD = changed(FREE, "metadata.finalizers", [NUMBER_FINALIZER])
HELD_CLAIM = changed(CLAIMED, "metadata.finalizers", [CLAIM_FINALIZER])
_ACCOUNT = a_manifest("CarrierAccount", "main", {"provider": "DIDHub", "credentialsSecretRef": {"name": "token"}})
HELD_ACCOUNT = changed(_ACCOUNT, "metadata.finalizers", [IN_USE_FINALIZER])


class Place:
    """One namespace, written to as the administrator, as the operator, or as a tenant who may do all to our kinds."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.namespace = namespace
        self._callers = {
            "admin": cluster.api,
            "operator": cluster.api_as(f"system:serviceaccount:{SYSTEM}:ringfleet-operator"),
            "tenant": cluster.api_as(f"system:serviceaccount:{namespace}:tenant"),
        }
        cluster.apply(*a_mighty_tenant(namespace), namespace=namespace)
        in_force = lambda: cluster.may("tenant", "create", "phonenumbers.ringfleet.dev", namespace=namespace)  # noqa: E731
        wait_until(in_force, "the tenant's role to be in force")

    def api(self, by: str = "admin") -> Api:
        return self._callers[by]

    def make(self, manifest: Manifest, by: str = "operator") -> None:
        self.api(by).create(manifest, self.namespace)

    def patch(self, manifest: Manifest, change: Mapping[str, Any], by: str, subresource: str | None = None) -> None:
        name = manifest["metadata"]["name"]
        self.api(by).patch(manifest["kind"], name, change, self.namespace, subresource)

    def delete(self, manifest: Manifest, by: str = "admin") -> None:
        self.api(by).delete(manifest["kind"], manifest["metadata"]["name"], namespace=self.namespace, wait=False)

    def replace(self, manifest: Manifest) -> None:
        """As the administrator, whatever the version of what is there."""
        there = self.api().get(manifest["kind"], manifest["metadata"]["name"], self.namespace)["metadata"]
        path = self.api().kind(manifest["kind"]).path(self.namespace, there["name"])
        self.api().request("PUT", path, changed(manifest, "metadata.resourceVersion", there["resourceVersion"]))

    def names(self, what: str) -> list[str]:
        return [one["metadata"]["name"] for one in self.api().list(what, self.namespace)]


def a_mighty_tenant(namespace: str) -> tuple[Manifest, Manifest]:
    """RBAC that gives more than a tenant ever gets, so that only the policies are in the way."""
    rule = a_rule(["numberclaims", "phonenumbers", "carrieraccounts", "numberorders"], ["*"], "ringfleet.dev")
    return a_role("mighty", rule), a_role_binding(namespace, "tenant", "mighty")


@pytest.fixture
def place(cluster: Cluster, installed: None, namespace: str) -> Iterator[Place]:
    yield Place(cluster, namespace)
    leave_namespace(cluster, namespace)


def refusal(act: Callable[..., object], *arguments: Any, **options: Any) -> str:
    """What the API server says to what it must refuse."""
    with pytest.raises(Refused) as refused:
        act(*arguments, **options)
    return refused.value.complaint


def test_the_policies_fit_the_kinds(cluster: Cluster, installed: None) -> None:
    for policy in (
        "pool-deletion",
        "number-deletion",
        "number-binding",
        "order-creation",
        "number-id",
        "finalizers",
        "written-for-claims",
    ):
        status = wait_until(lambda policy=policy: checked(cluster, f"ringfleet-{policy}"), "the types to be checked")
        assert status["typeChecking"] == {}


def test_a_tenant_orders_numbers_by_naming_them_and_an_order_of_any_is_the_pools_own(place: Place) -> None:
    place.make(a_named_order(), by="tenant")
    said = refusal(place.make, an_order(), by="tenant")
    assert f"NumberOrder {place.namespace}/west-1: only its NumberPool makes an order of any numbers" in said
    place.make(an_order())
    assert place.names("numberorders") == ["two-for-sales", "west-1"]


def checked(cluster: Cluster, name: str) -> dict[str, Any] | None:
    """The policy's status, once the types in its present version were checked."""
    policy: Any = cluster.get("validatingadmissionpolicies", name)
    status: dict[str, Any] = policy.get("status", {})
    return status if status.get("observedGeneration") == policy["metadata"]["generation"] else None


# Pools.


def test_a_pool_stays_while_claims_hold_its_numbers(place: Place) -> None:
    place.make(a_pool(), by="admin")
    say_bound(place, 3)
    said = refusal(place.delete, a_pool())
    assert f"NumberPool {place.namespace}/west is not deleted: claims hold 3 of its numbers" in said
    assert (
        "Delete those NumberClaims first (kubectl get numberclaims -A --field-selector=spec.poolRef.name=west)" in said
    )
    say_bound(place, 0)
    place.delete(a_pool())
    assert place.names("numberpools") == []


def test_a_pool_that_was_never_looked_at_can_be_deleted(place: Place) -> None:
    place.make(a_pool(), by="admin")
    place.delete(a_pool())
    assert place.names("numberpools") == []


def say_bound(place: Place, count: int) -> None:
    place.patch(a_pool(), {"status": {"numbers": {"claimed": count}}}, "admin", "status")


# Deleting numbers.


def test_a_number_stays_while_a_claim_holds_it(place: Place) -> None:
    place.make(BOUND)
    said = refusal(place.delete, BOUND)
    assert f"PhoneNumber {place.namespace}/14155550123 is not deleted: NumberClaim shop/line holds it" in said
    assert "Delete the claim first: kubectl delete numberclaim -n shop line" in said
    place.patch(BOUND, {"spec": {"claimRef": None}}, by="operator")
    place.delete(BOUND)
    assert place.names("phonenumbers") == []


def test_a_number_stays_while_it_is_protected(place: Place) -> None:
    place.make(PROTECTED)
    said = refusal(place.delete, PROTECTED)
    assert f"PhoneNumber {place.namespace}/14155550123 is not deleted: it is protected" in said
    assert "Set spec.protected to false first" in said
    place.patch(PROTECTED, {"spec": {"protected": False}}, by="admin")
    place.delete(PROTECTED)
    assert place.names("phonenumbers") == []


def test_deleting_them_all_leaves_out_the_bound_and_the_protected(place: Place) -> None:
    make_three(place)
    them_all = place.api().kind("phonenumbers").path(place.namespace)
    said = refusal(place.api().request, "DELETE", them_all)
    assert "is not deleted" in said
    assert {"14155550001", "14155550002"} <= set(place.names("phonenumbers"))


def test_a_namespace_waits_for_its_bound_and_protected_numbers_and_says_so(cluster: Cluster, place: Place) -> None:
    make_three(place)
    cluster.delete_namespace(place.namespace)
    said = wait_until(lambda: why_it_waits(cluster, place.namespace), "the namespace to say why")
    assert "is not deleted" in said
    assert {"14155550001", "14155550002"} <= set(place.names("phonenumbers"))
    place.patch(a_number("14155550001"), {"spec": {"claimRef": None}}, by="operator")
    place.patch(a_number("14155550002"), {"spec": {"protected": False}}, by="admin")
    wait_until(lambda: cluster.api.find("namespace", place.namespace) is None, "the namespace to go")


def why_it_waits(cluster: Cluster, namespace: str) -> str | None:
    """What a namespace that is being deleted says of what can't be deleted in it."""
    conditions = cluster.api.get("namespace", namespace)["status"].get("conditions", [])
    return next((one["message"] for one in conditions if one["type"] == "NamespaceDeletionContentFailure"), None)


def make_three(place: Place) -> None:
    """A bound number, a protected one and a free one, by rising digits."""
    place.make(changed(a_number("14155550001"), "spec.claimRef", CLAIM))
    place.make(changed(a_number("14155550002"), "spec.protected", True))
    place.make(a_number("14155550003"))


# Binding.


def test_a_tenant_makes_no_bound_or_resting_number(place: Place) -> None:
    said = refusal(place.make, BOUND, "tenant")
    assert f"PhoneNumber {place.namespace}/14155550123: only the operator writes spec.claimRef" in said
    assert "make a NumberClaim with spec.phoneNumberName 14155550123" in said
    said = refusal(place.make, RESTING, "tenant")
    assert f"PhoneNumber {place.namespace}/14155550123: only the operator writes spec.unboundAt" in said
    assert "spec.reclaim.cooldown of NumberPool west" in said
    place.make(FREE, by="tenant")


@pytest.mark.parametrize("number", [pytest.param(BOUND, id="bound"), pytest.param(RESTING, id="resting")])
def test_an_administrator_brings_a_number_back_from_a_backup_as_it_was(place: Place, number: Manifest) -> None:
    place.make(number, by="admin")
    assert place.names("phonenumbers") == ["14155550123"]


def test_nobody_writes_another_id_of_the_carrier_over_a_numbers_own(place: Place) -> None:
    """By that of a number that is not ours, the carrier would be told to suspend that one."""
    place.make(FREE)
    place.patch(FREE, known_as("did-1"), "admin", "status")
    said = refusal(place.patch, FREE, known_as("did-2"), "admin", "status")
    assert f"PhoneNumber {place.namespace}/14155550123: only the operator writes another status.externalId" in said
    assert "over did-1" in said
    place.patch(FREE, {"status": {"phase": "Lost"}}, "admin", "status")
    place.patch(FREE, known_as("did-2"), "operator", "status")
    place.patch(FREE, known_as(None), "admin", "status")


def known_as(external_id: str | None) -> dict[str, Any]:
    return {"status": {"externalId": external_id}}


def test_an_administrator_binds_no_number_by_accident(place: Place) -> None:
    """Only under the operator's field manager, which nobody has unasked."""
    place.make(FREE)
    path = place.api().kind("phonenumbers").path(place.namespace, "14155550123")
    change = {"spec": {"claimRef": CLAIM}}
    for manager in ({}, {"fieldManager": "kubectl-edit"}):
        options = {"query": manager, "content_type": MERGE_PATCH}
        assert "only the operator writes spec.claimRef" in refusal(
            place.api().request, "PATCH", path, change, **options
        )
    place.api().request("PATCH", path, change, query={"fieldManager": BINDER}, content_type=MERGE_PATCH)


@pytest.mark.parametrize("by", ["admin", "tenant"])
@pytest.mark.parametrize(
    ("before", "change"),
    [
        pytest.param(FREE, {"claimRef": CLAIM}, id="bind"),
        pytest.param(BOUND, {"claimRef": OTHER_CLAIM}, id="rebind"),
        pytest.param(BOUND, {"claimRef": {"uid": "u-2"}}, id="rebind to a namesake"),
        pytest.param(BOUND, {"claimRef": None}, id="unbind"),
        pytest.param(FREE, {"unboundAt": "2026-07-01T12:00:00Z"}, id="rest"),
        pytest.param(RESTING, {"unboundAt": "2025-07-01T12:00:00Z"}, id="rest longer"),
        pytest.param(RESTING, {"unboundAt": None}, id="wake"),
    ],
)
def test_nobody_but_the_operator_changes_a_binding(place: Place, before: Manifest, change: Manifest, by: str) -> None:
    place.make(before)
    (field,) = change
    assert f"only the operator writes spec.{field}" in refusal(place.patch, before, {"spec": change}, by)
    place.patch(before, {"spec": change}, by="operator")


def test_who_wants_to_unbind_is_told_which_claim_to_delete(place: Place) -> None:
    place.make(BOUND)
    said = refusal(place.replace, FREE)
    assert "to let it go, delete its NumberClaim: kubectl delete numberclaim -n shop line" in said


def test_server_side_apply_binds_no_number_either(place: Place) -> None:
    apply = place.api().apply
    place.make(FREE)
    assert "only the operator writes spec.claimRef" in refusal(apply, BOUND, namespace=place.namespace)


@pytest.mark.parametrize("by", ["admin", "tenant"])
def test_the_rest_of_a_bound_number_may_be_changed(place: Place, by: str) -> None:
    place.make(BOUND)
    change = {"metadata": {"annotations": {"note": "ours"}}, "spec": {"suspend": True, "protected": True}}
    place.patch(BOUND, change, by)


# Finalizers.


@pytest.mark.parametrize(
    ("manifest", "finalizer"),
    [
        pytest.param(HELD, NUMBER_FINALIZER, id="number"),
        pytest.param(HELD_CLAIM, CLAIM_FINALIZER, id="claim"),
        pytest.param(HELD_ACCOUNT, IN_USE_FINALIZER, id="account"),
    ],
)
def test_a_tenant_does_not_take_a_finalizer_off(place: Place, manifest: Manifest, finalizer: str) -> None:
    place.make(manifest, by="admin")
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    off = {"metadata": {"finalizers": ["example.com/another"]}}
    said = refusal(place.patch, manifest, off, "tenant")
    assert f"{kind} {place.namespace}/{name}: the finalizer {finalizer} is the operator's" in said
    assert f"kubectl describe {kind.lower()}s -n {place.namespace} {name}" in said
    more = {"metadata": {"finalizers": [finalizer, "example.com/another"], "labels": {"a": "b"}}}
    place.patch(manifest, more, by="tenant")
    place.patch(manifest, {"metadata": {"finalizers": [finalizer]}}, by="tenant")


@pytest.mark.parametrize("by", ["operator", "admin"])
@pytest.mark.parametrize("manifest", [HELD, HELD_CLAIM, HELD_ACCOUNT], ids=["number", "claim", "account"])
def test_the_operator_and_an_administrator_take_finalizers_off(place: Place, manifest: Manifest, by: str) -> None:
    place.make(manifest, by="admin")
    place.delete(manifest)
    place.patch(manifest, {"metadata": {"finalizers": None}}, by)
    assert place.names(manifest["kind"]) == []


# Secrets and ConfigMaps.

WRITTEN = {"annotations": {"ringfleet.dev/claim-uid": "u-1"}}
OTHERS: dict[str, Manifest] = {
    "Secret": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "their-password"}},
    "ConfigMap": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "their-settings"}},
}
DATA = {"metadata": {"labels": {"a": "b"}}}


def written(kind: str) -> Manifest:
    """What the operator makes for the writeTo of a claim."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "line", **WRITTEN}}


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_the_operator_writes_and_deletes_what_it_has_made_for_a_claim_and_nothing_of_others(
    place: Place, kind: str
) -> None:
    theirs, ours = OTHERS[kind], written(kind)
    name = theirs["metadata"]["name"]
    place.make(theirs, by="admin")
    for act in (
        lambda: place.delete(theirs, "operator"),
        lambda: place.patch(theirs, DATA, "operator"),
        lambda: place.patch(theirs, {"metadata": WRITTEN}, "operator"),
        lambda: place.make(changed(theirs, "metadata.name", "another"), "operator"),
    ):
        said = refusal(act)
        assert "has no annotation ringfleet.dev/claim-uid and is no catalog of a CarrierAccount" in said
        assert "the operator writes and deletes only what it has made" in said
    assert f"{kind} {place.namespace}/{name}" in refusal(place.delete, theirs, "operator")
    place.make(ours, by="operator")
    place.patch(ours, DATA, "operator")
    place.delete(ours, "operator")
    assert [one for one in place.names(kind) if one in {"line", name, "another"}] == [name]


def catalog(kind: str, name: str, uid: str = "u-3") -> Manifest:
    """What the operator keeps beside the account `main` of this uid, under this name."""
    owner = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "CarrierAccount", "name": "main", "uid": uid}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "ownerReferences": [owner]}}


def test_the_operator_keeps_the_catalog_of_an_account(place: Place) -> None:
    # The owner is there: else the garbage collector may take the catalog away between two of these calls.
    place.make(_ACCOUNT, by="admin")
    account = place.api().get("CarrierAccount", "main", place.namespace)
    ours = catalog("ConfigMap", "main-catalog", account["metadata"]["uid"])
    place.make(ours)
    place.patch(ours, DATA, "operator")
    place.delete(ours, "operator")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("ConfigMap", "settings", id="of another name"),
        pytest.param("ConfigMap", "spare-catalog", id="of another account"),
        pytest.param("Secret", "main-catalog", id="a Secret"),
    ],
)
def test_an_account_as_owner_makes_nothing_else_a_catalog(place: Place, kind: str, name: str) -> None:
    assert "is no catalog of a CarrierAccount that owns it" in refusal(place.make, catalog(kind, name), "operator")


def test_the_operator_has_no_token_issued_into_a_secret(place: Place) -> None:
    for_whom = {**WRITTEN["annotations"], "kubernetes.io/service-account.name": "default"}
    token = {**written("Secret"), "type": "kubernetes.io/service-account-token"}
    token = changed(token, "metadata.annotations", for_whom)
    assert "is of another type than Opaque" in refusal(place.make, token, "operator")


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_nobody_else_is_kept_from_their_secrets_and_settings(place: Place, kind: str) -> None:
    theirs = OTHERS[kind]
    place.make(theirs, by="admin")
    place.patch(theirs, DATA, "admin")
    place.delete(theirs, "admin")
    assert theirs["metadata"]["name"] not in place.names(kind)

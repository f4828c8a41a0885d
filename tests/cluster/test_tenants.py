"""Two tenants in two namespaces, each under RBAC of its own: Kubernetes' role `edit`, which our rules have joined.

What RBAC alone decides: who may see and write what. The roles are manifests/base/tenant-roles.yaml.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

import pytest

from ringfleet.api import KINDS
from tests.api.manifests import Manifest, a_manifest, a_number, a_pool, a_profile
from tests.cluster.stage import SYSTEM, let_go_of_namespace
from tests.controlplane.cluster import Cluster, KubectlFailed
from tests.waiting import wait_until

READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
OURS = tuple(kind.plural for kind in KINDS)
SCALED = ("numberpools/scale", "rotationsets/scale")
SUBRESOURCES = (*SCALED, *(f"{kind}/{part}" for kind in OURS for part in ("status", "finalizers")))
ALL = frozenset(product((*READ, *WRITE), (*OURS, *SUBRESOURCES)))

VIEW = frozenset({*product(READ, OURS), *product(("get",), SCALED)})
EDIT = VIEW | {
    *product(WRITE, ("compliancebundles", "numberclaims", "numberpools", "rotationsets", "routingprofiles")),
    *product(("update", "patch"), SCALED),
}
ADMIN = EDIT | {*product(("update", "patch", "delete", "deletecollection"), ("phonenumbers", "numberorders"))}

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
A_CLAIM = a_manifest("NumberClaim", "line", {"poolRef": {"name": "west"}})
A_QUOTA = a_manifest("NumberQuota", "limits", {"limits": {"numbers": 5}})
THEIRS = (a_pool(), a_profile(), a_number(), A_CLAIM, A_QUOTA)


class Tenant:
    """A service account that has `role` in its own namespace, and nothing else anywhere."""

    def __init__(self, cluster: Cluster, namespace: str, role: str = "edit") -> None:
        self.namespace = namespace
        account = ("--clusterrole", role, f"--serviceaccount={namespace}:tenant")
        cluster.kubectl("create", "serviceaccount", "tenant", "--namespace", namespace)
        cluster.kubectl("create", "rolebinding", "tenant", "--namespace", namespace, *account)
        kubeconfig = cluster.kubeconfig_of(namespace, "tenant")
        own = Cluster(kubeconfig, cluster.program, kubeconfig.parent)
        self.kubectl, self.api = own.kubectl, own.api

    def may(self, namespace: str | None) -> frozenset[tuple[str, str]]:
        """All that it may do with our kinds there, as (verb, resource); None asks for all namespaces at once."""
        asked = sorted(ALL)
        questions = [a_question(verb, resource, namespace) for verb, resource in asked]
        allowed = [self.api.request("POST", REVIEWS, question)["status"]["allowed"] for question in questions]
        return frozenset(one for one, yes in zip(asked, allowed, strict=True) if yes)


def a_question(verb: str, resource: str, namespace: str | None) -> Manifest:
    plural, _, subresource = resource.partition("/")
    what = {"group": "ringfleet.dev", "resource": plural, "subresource": subresource, "verb": verb}
    where = {"namespace": namespace} if namespace else {}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    return {**kind, "spec": {"resourceAttributes": {**what, **where}}}


@pytest.fixture
def tenants(cluster: Cluster, installed: None, namespace: str) -> Iterator[tuple[Tenant, Tenant]]:
    """Two tenants with the role `edit`; the second has one of each thing."""
    other = cluster.new_namespace("other-tenant")
    pair = Tenant(cluster, namespace), Tenant(cluster, other)
    cluster.apply(*THEIRS, namespace=other)
    for tenant in pair:
        wait_until(lambda tenant=tenant: tenant.may(tenant.namespace) >= EDIT, "the role to reach its holder")
    yield pair
    cluster.delete_namespace(other)


@pytest.mark.parametrize(("role", "allowed"), [("view", VIEW), ("edit", EDIT), ("admin", ADMIN)])
def test_each_role_may_do_just_this_in_its_own_namespace(
    cluster: Cluster, installed: None, namespace: str, role: str, allowed: frozenset[tuple[str, str]]
) -> None:
    tenant = Tenant(cluster, namespace, role)
    wait_until(lambda: tenant.may(namespace) >= allowed, "the role to reach its holder")
    assert tenant.may(namespace) == allowed


def test_a_tenant_may_do_nothing_outside_its_namespace(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    assert (one.may(other.namespace), one.may(None)) == (frozenset(), frozenset())
    assert (other.may(one.namespace), other.may(None)) == (frozenset(), frozenset())


def test_a_tenant_sees_nothing_of_anothers(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    for what in OURS:
        assert forbidden(one, "get", what, "--namespace", other.namespace)
        assert forbidden(one, "get", what, "--all-namespaces")
        assert forbidden(one, "get", what, "--watch-only", "--namespace", other.namespace)
        assert one.kubectl("get", what, "--output=name") == ""
    for manifest in THEIRS:
        assert forbidden(one, "get", *address(manifest), "--namespace", other.namespace)


def test_a_tenant_takes_nothing_of_anothers(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    for manifest in THEIRS:
        where = (*address(manifest), "--namespace", other.namespace)
        assert forbidden(one, "delete", *where)
        assert forbidden(one, "patch", *where, "--type=merge", '--patch={"spec": {"suspend": true}}')
    for manifest in (a_pool(), A_CLAIM):
        assert forbidden(one, "create", "--namespace", other.namespace, "--filename=-", stdin=json.dumps(manifest))


def test_a_tenant_can_not_help_itself_in_its_own_namespace(cluster: Cluster, tenants: tuple[Tenant, Tenant]) -> None:
    _, tenant = tenants
    forged = json.dumps(a_number("14155550199"))
    assert forbidden(tenant, "create", "--filename=-", stdin=forged)
    more = ("--type=merge", '--patch={"spec": {"limits": {"numbers": 500}}}')
    assert forbidden(tenant, "patch", *address(A_QUOTA), *more)
    assert forbidden(tenant, "delete", *address(A_QUOTA))
    bound = ("--type=merge", "--subresource=status", '--patch={"status": {"phase": "Bound"}}')
    assert forbidden(tenant, "patch", *address(A_CLAIM), *bound)
    tenant.kubectl("delete", *address(A_CLAIM))


def test_the_administrator_of_a_namespace_protects_its_numbers_but_does_not_bind_them(
    cluster: Cluster, installed: None, namespace: str
) -> None:
    cluster.apply(a_number(), namespace=namespace)
    tenant = Tenant(cluster, namespace, "admin")
    wait_until(lambda: tenant.may(namespace) >= ADMIN, "the role to reach its holder")
    change = ("patch", *address(a_number()), "--type=merge", "--patch")
    tenant.kubectl(*change, '{"spec": {"protected": true}}')
    binding = {"spec": {"claimRef": {"namespace": namespace, "name": "line", "uid": "u-1"}}}
    with pytest.raises(KubectlFailed, match=r"only the operator writes spec\.claimRef"):
        tenant.kubectl(*change, json.dumps(binding))
    with pytest.raises(KubectlFailed, match="it is protected"):
        tenant.kubectl("delete", *address(a_number()))
    let_go_of_namespace(cluster.kubeconfig_of(SYSTEM, "ringfleet-operator"), namespace)


def address(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def forbidden(tenant: Tenant, *arguments: str, stdin: str | None = None) -> bool:
    """Whether RBAC refuses the tenant's command."""
    with pytest.raises(KubectlFailed) as refused:
        tenant.kubectl(*arguments, stdin=stdin)
    return "(Forbidden)" in refused.value.complaint and "cannot" in refused.value.complaint

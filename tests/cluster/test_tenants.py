"""Two tenants in two namespaces, each under RBAC of its own: Kubernetes' role `edit`, which our rules have joined.

What RBAC alone decides: who may see and write what. The roles are manifests/base/tenant-roles.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product
from typing import Any

import pytest

from ringfleet.api import KINDS
from tests.api.manifests import Manifest, a_manifest, a_number, a_pool, a_profile
from tests.cluster.stage import leave_namespace
from tests.controlplane.api import Api, Refused
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role_binding, a_service_account
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
    *product(WRITE, ("proxyservices",)),
    *product(("update", "patch"), SCALED),
}
ADMIN = EDIT | {
    *product(("update", "patch", "delete", "deletecollection"), ("phonenumbers", "numberorders")),
    ("create", "numberorders"),
}

FORBIDDEN = 403
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
A_CLAIM = a_manifest("NumberClaim", "line", {"poolRef": {"name": "west"}})
A_QUOTA = a_manifest("NumberQuota", "limits", {"limits": {"numbers": 5}})
THEIRS = (a_pool(), a_profile(), a_number(), A_CLAIM, A_QUOTA)


class Tenant:
    """A service account that has `role` in its own namespace, and nothing else anywhere."""

    def __init__(self, cluster: Cluster, namespace: str, role: str = "edit") -> None:
        self.namespace = namespace
        binding = a_role_binding(namespace, "tenant", role, "ClusterRole")
        cluster.apply(a_service_account("tenant"), binding, namespace=namespace)
        self.api = Api(cluster.kubeconfig_of(namespace, "tenant"))

    def close(self) -> None:
        self.api.close()

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
    with closing(Tenant(cluster, namespace)) as one, closing(Tenant(cluster, other)) as another:
        cluster.apply(*THEIRS, namespace=other)
        for tenant in (one, another):
            wait_until(lambda tenant=tenant: tenant.may(tenant.namespace) >= EDIT, "the role to reach its holder")
        yield one, another
    cluster.leave_namespace(other)


@pytest.mark.parametrize(("role", "allowed"), [("view", VIEW), ("edit", EDIT), ("admin", ADMIN)])
def test_each_role_may_do_just_this_in_its_own_namespace(
    cluster: Cluster, installed: None, namespace: str, role: str, allowed: frozenset[tuple[str, str]]
) -> None:
    with closing(Tenant(cluster, namespace, role)) as tenant:
        wait_until(lambda: tenant.may(namespace) >= allowed, "the role to reach its holder")
        assert tenant.may(namespace) == allowed


def test_a_tenant_may_do_nothing_outside_its_namespace(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    assert (one.may(other.namespace), one.may(None)) == (frozenset(), frozenset())
    assert (other.may(one.namespace), other.may(None)) == (frozenset(), frozenset())


def test_a_tenant_sees_nothing_of_anothers(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    for what in OURS:
        assert forbidden(one.api.list, what, other.namespace)
        assert forbidden(one.api.list, what)
        assert forbidden(one.api.request, "GET", one.api.kind(what).path(other.namespace), query={"watch": "1"})
        assert one.api.list(what, one.namespace) == []
    for manifest in THEIRS:
        assert forbidden(one.api.get, *address(manifest), other.namespace)


def test_a_tenant_takes_nothing_of_anothers(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    for manifest in THEIRS:
        assert forbidden(one.api.delete, *address(manifest), namespace=other.namespace)
        assert forbidden(one.api.patch, *address(manifest), {"spec": {"suspend": True}}, other.namespace)
    for manifest in (a_pool(), A_CLAIM):
        assert forbidden(one.api.create, manifest, other.namespace)


def test_a_tenant_can_not_help_itself_in_its_own_namespace(tenants: tuple[Tenant, Tenant]) -> None:
    _, tenant = tenants
    api, namespace = tenant.api, tenant.namespace
    assert forbidden(api.create, a_number("14155550199"), namespace)
    assert forbidden(api.patch, *address(A_QUOTA), {"spec": {"limits": {"numbers": 500}}}, namespace)
    assert forbidden(api.delete, *address(A_QUOTA), namespace=namespace)
    assert forbidden(api.patch, *address(A_CLAIM), {"status": {"phase": "Bound"}}, namespace, "status")
    api.delete(*address(A_CLAIM), namespace=namespace)


def test_the_administrator_of_a_namespace_protects_its_numbers_but_does_not_bind_them(
    cluster: Cluster, installed: None, namespace: str
) -> None:
    cluster.apply(a_number(), namespace=namespace)
    with closing(Tenant(cluster, namespace, "admin")) as tenant:
        wait_until(lambda: tenant.may(namespace) >= ADMIN, "the role to reach its holder")
        tenant.api.patch(*address(a_number()), {"spec": {"protected": True}}, namespace)
        binding = {"spec": {"claimRef": {"namespace": namespace, "name": "line", "uid": "u-1"}}}
        with pytest.raises(Refused, match=r"only the operator writes spec\.claimRef"):
            tenant.api.patch(*address(a_number()), binding, namespace)
        with pytest.raises(Refused, match="it is protected"):
            tenant.api.delete(*address(a_number()), namespace=namespace)
    leave_namespace(cluster, namespace)


def address(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def forbidden(act: Callable[..., object], *arguments: Any, **options: Any) -> bool:
    """Whether RBAC refuses what the tenant does."""
    with pytest.raises(Refused) as refused:
        act(*arguments, **options)
    return refused.value.code == FORBIDDEN and " cannot " in refused.value.complaint

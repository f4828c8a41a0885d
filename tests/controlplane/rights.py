"""Manifests of who may do what: a service account, a role, and the binding that gives the one the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Manifest = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"


def a_service_account(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def a_rule(resources: Sequence[str], verbs: Sequence[str], group: str = "") -> Manifest:
    """Verbs on resources of one API group; the core group is ""."""
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def a_role(name: str, *rules: Manifest) -> Manifest:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": {"name": name}, "rules": list(rules)}


def a_role_binding(namespace: str, account: str, role: str, kind: str = "Role") -> Manifest:
    """Give a service account of the namespace a role there, a `Role` or a `ClusterRole`; it is named as the account."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": account},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }

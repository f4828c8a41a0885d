"""Kubeconfig files: one server, one user, one context each."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.certificates import Identity, write_secret


@dataclass(frozen=True, slots=True)
class Server:
    """Where an API server is and which authority (PEM) vouches for it; None: the machine's own trust store."""

    url: str
    authority: bytes | None


def write_kubeconfig(path: Path, server: Server, credentials: Identity | str, *, namespace: str = "default") -> Path:
    """Write a kubeconfig for a client certificate (`Identity`) or a bearer token (text), and return its path."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "ringfleet", "cluster": _cluster(server)}],
        "users": [{"name": "ringfleet", "user": _user(credentials)}],
        "contexts": [
            {"name": "ringfleet", "context": {"cluster": "ringfleet", "user": "ringfleet", "namespace": namespace}}
        ],
        "current-context": "ringfleet",
    }
    # JSON is YAML: every reader of kubeconfig files takes it.
    write_secret(path, json.dumps(config, indent=2).encode())
    return path


def _cluster(server: Server) -> dict[str, str]:
    if server.authority is None:
        return {"server": server.url}
    return {"server": server.url, "certificate-authority-data": _base64(server.authority)}


def _user(credentials: Identity | str) -> dict[str, str]:
    if isinstance(credentials, str):
        return {"token": credentials}
    return {
        "client-certificate-data": _base64(credentials.certificate),
        "client-key-data": _base64(credentials.key),
    }


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()

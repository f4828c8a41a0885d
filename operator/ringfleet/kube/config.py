"""Which API server, and as whom: kubeconfig, context, service account. Reading all of it is `kubernetes.aio`'s work.

Looked for in this order: the kubeconfig that was named, `$KUBECONFIG`, the service account of the pod that we run in,
`~/.kube/config`. Exec plugins, tokens, client certificates and OIDC work as the library has them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ringfleet.kube.errors import NotConfigured
from ringfleet.kube.library import (
    Configuration,
    list_kube_config_contexts,
    load_incluster_config,
    load_kube_config,
)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class Credentials:
    """How this door logs in, for the other client in the process (Kopf's), so that both are one user."""

    server: str
    ca_path: str | None
    scheme: str | None  # of the token: Bearer, or Basic
    token: str | None
    certificate_path: str | None
    private_key_path: str | None
    insecure: bool


async def load_configuration(kubeconfig: Path | None = None, context: str | None = None) -> Configuration:
    """Read the configuration that the order above finds.

    Raises:
        NotConfigured: nothing was found, or what was found can't be read.
    """
    configuration = Configuration(connection_pool_maxsize=CONNECTIONS)
    source = _source(kubeconfig)
    try:
        if source is None:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # the library has no types here
        else:
            await load_kube_config(source, context, configuration, False)  # type: ignore[no-untyped-call]  # the same
    except Exception as error:  # the library lets through whatever a malformed file makes it stumble over
        raise NotConfigured(f"can't use {source or 'the service account of this pod'}: {error}") from error
    configuration.proxy = configuration.proxy or _environment_proxy(configuration.host)
    configuration.client_session_kwargs = {"trust_env": False}  # it would look into ~/.netrc in a thread at every call
    return configuration


def default_namespace(kubeconfig: Path | None = None, context: str | None = None) -> str:
    """The namespace that kubectl would take: that of the context, or of the pod that we run in; else `default`.

    Raises:
        NotConfigured: nothing was found, or what was found can't be read.
    """
    source = _source(kubeconfig)
    if source is None:
        return (SERVICE_ACCOUNT / "namespace").read_text().strip()
    try:
        contexts, current = list_kube_config_contexts(source)  # type: ignore[no-untyped-call]  # the same
        found = next((one for one in contexts if one["name"] == context), None) if context else current
        return str((found or {}).get("context", {}).get("namespace") or "default")
    except Exception as error:  # as above
        raise NotConfigured(f"can't use {source}: {error}") from error


async def credentials_of(configuration: Configuration) -> Credentials:
    """What `configuration` logs in with, its token refreshed if that is due."""
    header = await configuration.get_api_key_with_prefix("BearerToken") or ""
    scheme, _, token = header.partition(" ")
    return Credentials(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        scheme=scheme.capitalize() or None,
        token=token.strip() or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        insecure=not configuration.verify_ssl,
    )


def _source(kubeconfig: Path | None) -> str | None:
    """The kubeconfig file (or list of files) to read; None for the pod's service account."""
    if kubeconfig is not None:
        return _readable(str(kubeconfig))
    if named := os.environ.get("KUBECONFIG"):
        return _readable(named)
    if os.environ.get("KUBERNETES_SERVICE_HOST") and (SERVICE_ACCOUNT / "token").is_file():
        return None
    return _readable(str(Path.home() / ".kube" / "config"))


def _readable(paths: str) -> str:
    """`paths` again, one or several files as `$KUBECONFIG` lists them, when at least one of them is there."""
    if any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep) if path):
        return paths
    raise NotConfigured(f"no kubeconfig at {paths}: name one with --kubeconfig or KUBECONFIG")


def _environment_proxy(server: str) -> str | None:
    """The proxy that the environment names for `server`. Loopback is never proxied, as kubectl has it."""
    url = urlsplit(server)
    host = url.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host):
        return None
    return getproxies().get(url.scheme)

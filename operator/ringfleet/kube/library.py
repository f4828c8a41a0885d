"""What we take of `kubernetes.aio`, without the rest of the packages that it lies in.

Importing `kubernetes` runs its blocking clients, with requests, OAuth, streams and an informer; importing
`kubernetes.aio` runs its dynamic client, with urllib3, and its watches: a sixth of what it takes to start, for nothing
that we call. So both packages are entered in `sys.modules` without being run. What lies in them is found as ever and
runs when it is imported: `kubernetes.aio.client` for us, `kubernetes.client` for Kopf, which asks for its model
classes. A package that somebody has loaded already stays as it is.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec


def _enter(package: str) -> None:
    """Let `package` be known, and be found in the package that it lies in, as importing it does."""
    spec = None if package in sys.modules else find_spec(package)
    if spec is None:
        return
    sys.modules[package] = module = module_from_spec(spec)
    parent, _, name = package.rpartition(".")
    if parent:
        setattr(sys.modules[parent], name, module)


_enter("kubernetes")
_enter("kubernetes.aio")

from kubernetes.aio.client import ApiClient, Configuration  # noqa: E402
from kubernetes.aio.config import list_kube_config_contexts, load_incluster_config, load_kube_config  # noqa: E402

__all__ = ["ApiClient", "Configuration", "list_kube_config_contexts", "load_incluster_config", "load_kube_config"]

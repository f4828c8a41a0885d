"""What we take of `kubernetes.aio`, without the blocking half of the package that it lies in.

Importing `kubernetes` runs its blocking clients, with requests, OAuth, streams and an informer: an eighth of what it
takes to start, for nothing that we call. So the package is entered in `sys.modules` without being run. What lies in it
is found as ever and runs when it is imported: `kubernetes.aio` for us, `kubernetes.client` for Kopf, which asks for its
model classes. A package that somebody has loaded already stays as it is.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec

_spec = None if "kubernetes" in sys.modules else find_spec("kubernetes")
if _spec is not None:
    sys.modules[_spec.name] = module_from_spec(_spec)

from kubernetes.aio.client import ApiClient, Configuration  # noqa: E402
from kubernetes.aio.config import list_kube_config_contexts, load_incluster_config, load_kube_config  # noqa: E402

__all__ = ["ApiClient", "Configuration", "list_kube_config_contexts", "load_incluster_config", "load_kube_config"]

"""Which installation of Ringfleet this is: what marks our numbers at the carriers.

The first that an operator asks of its API server, before it has loaded what it works with: this module imports little.
"""

from __future__ import annotations

from ringfleet.kube.client import Kube
from ringfleet.model.refs import NAMESPACES


async def find_installation(kube: Kube) -> str:
    """The id of this installation: the first part of the uid of the namespace kube-system, which no cluster changes."""
    namespace = await kube.get(NAMESPACES, None, "kube-system")
    return str(namespace["metadata"]["uid"]).split("-", 1)[0]

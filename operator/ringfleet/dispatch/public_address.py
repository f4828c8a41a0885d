"""The URL that a carrier has called, as the carrier knows it.

Some carriers sign it, so it has to be what the carrier was told, to the letter, and not what this process sees behind
an ingress that ends TLS::

    events_url is set        events_url + path and query of the call
    trust_forwarded          X-Forwarded-Proto :// X-Forwarded-Host, as the proxy in front says
    neither                  scheme and Host of the call as it came

Forwarded headers are anybody's to write, so they count only where the proxy in front is known to replace them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """How carriers reach the listener for events."""

    events_url: str | None = None
    """The base URL that they were given, such as https://events.example.com; None: not known."""
    trust_forwarded: bool = False
    """Whether a proxy in front sets X-Forwarded-Proto and X-Forwarded-Host, and lets no caller's through."""

    def url_of(self, scheme: str, headers: Mapping[str, str], target: str) -> str:
        """The URL of a call by `scheme`. `target`: path and query as they came, for decoding them and encoding them
        again may write them in another way; `headers` by names in lower case."""
        return self._base(scheme, headers).rstrip("/") + target

    def _base(self, scheme: str, headers: Mapping[str, str]) -> str:
        if self.events_url is not None:
            return self.events_url
        host = headers.get("host", "")
        if self.trust_forwarded:
            scheme = _first(headers, "x-forwarded-proto") or scheme
            host = _first(headers, "x-forwarded-host") or host
        return f"{scheme}://{host}"


def _first(headers: Mapping[str, str], header: str) -> str:
    """What the caller asked for stands first, where a chain of proxies has written a list."""
    return headers.get(header, "").partition(",")[0].strip()

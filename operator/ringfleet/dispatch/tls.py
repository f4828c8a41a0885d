"""The certificate of the listeners, read again when it is renewed.

A certificate that is mounted from a Secret is renewed while we run: its files change. New connections get the new one,
those that are open keep what they have. What can't be read leaves the old one in force, and is logged.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Final

import structlog

LEAST: Final = ssl.TLSVersion.TLSv1_2
LOOK_SECONDS: Final = 30.0

log = structlog.get_logger(__name__)


class CertificateUnreadable(ValueError):
    """Certificate and key can't be read, or do not belong together. The message names the files."""


class Certificate:
    """A chain and its key, both PEM. `context` serves whatever was read last; `refresh` looks for changes."""

    def __init__(self, chain: Path, key: Path) -> None:
        self._files = (chain, key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = LEAST
        self._seen = self._look()
        self._load(self.context)

    def refresh(self) -> bool:
        """Take in changed files; whether there were any. Raises CertificateUnreadable: the old ones hold."""
        seen = self._look()
        if seen == self._seen:
            return False
        self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # first elsewhere: half of a pair would be served
        self._load(self.context)
        self._seen = seen
        return True

    def _look(self) -> tuple[tuple[int, int], ...]:
        try:
            return tuple((file.stat().st_mtime_ns, file.stat().st_ino) for file in self._files)
        except OSError as error:
            raise self._unreadable(error) from error

    def _load(self, context: ssl.SSLContext) -> None:
        chain, key = self._files
        try:
            context.load_cert_chain(chain, key)
        except (OSError, ssl.SSLError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> CertificateUnreadable:
        chain, key = self._files
        return CertificateUnreadable(f"The certificate {chain} can't be used with the key {key}: {error}.")


async def follow_certificate(certificate: Certificate) -> None:
    """Take in what changes, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            if certificate.refresh():
                log.info("certificate read again")
        except CertificateUnreadable as error:
            log.warning("certificate not read: the old one holds", error=str(error))

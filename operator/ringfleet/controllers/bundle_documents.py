"""Reading what a compliance bundle names: attributes and files, in its spec, Secrets, ConfigMaps or a mounted folder.

All of it is personal data. It lives in the `Dossier` for one turn of the bundle and goes to the carrier; what is said
of it here, of a key that is missing or a file that is not what it claims, names places and never what is there.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from pathlib import Path

import orjson

from ringfleet.api import ComplianceBundle
from ringfleet.api.compliance_bundle import Attributes, Document, DocumentSource, KeyRef
from ringfleet.kube.client import Json, Kube
from ringfleet.kube.errors import NotFound
from ringfleet.model.compliance import Dossier, Paper, Party
from ringfleet.model.refs import Resource
from ringfleet.objects.refs import CONFIG_MAPS, SECRETS

LARGEST = 20_000_000
"""Bytes that a file may have at most, whatever a carrier takes."""
_BEGINNINGS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class Unreadable(Exception):
    """Something that the bundle names can't be read. The message names the place and the field, never the content."""


async def read_dossier(kube: Kube, bundle: ComplianceBundle, directory: Path | None) -> Dossier:
    """Read everything that the bundle names; what can't be read is told, and left out."""
    reader = _Reader(kube, bundle, directory)
    spec = bundle.spec
    attributes = await reader.attributes(spec.end_user.attributes, "spec.endUser.attributes")
    address = await reader.attributes(spec.address, "spec.address")
    papers = [await reader.paper(document) for document in spec.documents]
    type_ = spec.end_user.type
    party = Party(type_, reader.hash(type_, attributes, address), attributes, address)
    read = tuple(paper for paper in papers if paper)
    return Dossier(party, read, tuple(sorted(reader.troubles)), spec.contact)


class _Reader:
    """Reads each Secret and ConfigMap once, and gathers what could not be read."""

    def __init__(self, kube: Kube, bundle: ComplianceBundle, directory: Path | None) -> None:
        self._kube, self._directory = kube, directory
        self._namespace, self._uid = bundle.metadata.namespace, bundle.metadata.uid
        self._read: dict[tuple[str, str], Json | None] = {}
        self.troubles: list[tuple[str, str]] = []

    async def attributes(self, attributes: Attributes, field: str) -> dict[str, str]:
        values = {}
        for one in attributes:
            try:
                values[one.name] = one.value if one.value is not None else await self._text(one.secret_key_ref)
            except Unreadable as error:
                self.troubles.append((f"{field}[name={one.name}]", str(error)))
        return values

    async def paper(self, document: Document) -> Paper | None:
        field = f"spec.documents[name={document.name}]"
        attributes = await self.attributes(document.attributes, f"{field}.attributes")
        try:
            content = await self._content(document.file) if document.file else b""
            media_type = _media_type(document, content) if document.file else None
        except Unreadable as error:
            self.troubles.append((f"{field}.file", str(error)))
            return None
        hash_ = self.hash(document.type, media_type, attributes, hashlib.sha256(content).hexdigest())
        return Paper(document.name, document.type, hash_, media_type, len(content), attributes, content)

    def hash(self, *parts: object) -> str:
        """The hash of a content, 32 hex digits. The order of attributes is nothing to it; salted by the bundle's uid,
        so that equal contents of two bundles do not show."""
        salted = orjson.dumps((self._uid, *parts), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(salted).hexdigest()[:32]

    async def _text(self, ref: KeyRef | None) -> str:
        assert ref  # either a value or a reference: a rule of the kind
        try:
            return (await self._bytes(SECRETS, ref)).decode().strip()
        except UnicodeDecodeError as error:
            raise Unreadable(f"key {ref.key!r} of Secret {ref.name} is no UTF-8 text") from error

    async def _content(self, source: DocumentSource) -> bytes:
        if source.secret_key_ref:
            return await self._bytes(SECRETS, source.secret_key_ref)
        if source.config_map_key_ref:
            return await self._bytes(CONFIG_MAPS, source.config_map_key_ref)
        assert source.path
        return await asyncio.to_thread(self._file, source.path)

    async def _bytes(self, resource: Resource, ref: KeyRef) -> bytes:
        place = f"{resource.kind} {ref.name}"
        found = await self._object(resource, ref.name)
        if found is None:
            raise Unreadable(f"{place} does not exist: create it with the key {ref.key!r}")
        encoded = found if resource is SECRETS else {"data": found.get("binaryData")}
        try:
            value = (encoded.get("data") or {}).get(ref.key)
            if value is not None:
                return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise Unreadable(f"key {ref.key!r} of {place} is no base64") from error
        plain = (found.get("data") or {}).get(ref.key) if resource is CONFIG_MAPS else None
        if plain is None:
            raise Unreadable(f"{place} has no key {ref.key!r}: put it there")
        return str(plain).encode()

    async def _object(self, resource: Resource, name: str) -> Json | None:
        place = (resource.kind, name)
        if place not in self._read:
            try:
                self._read[place] = await self._kube.get(resource, self._namespace, name)
            except NotFound:
                self._read[place] = None
        return self._read[place]

    def _file(self, path: str) -> bytes:
        """A file below the namespace's own directory; a link that leads out of it is not followed."""
        if self._directory is None:
            raise Unreadable("the operator has no documents directory: set RINGFLEET_DOCUMENTS_DIR, or use a Secret")
        root = (self._directory / self._namespace).resolve()
        file = (root / path).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            raise Unreadable(f"there is no file {path!r} in the operator's documents directory of this namespace")
        if file.stat().st_size > LARGEST:
            raise Unreadable(f"{path!r} has more than {LARGEST // 1_000_000} MB")
        try:
            return file.read_bytes()
        except OSError as error:
            raise Unreadable(f"{path!r} can't be read by the operator: {error.strerror}") from error


def _media_type(document: Document, content: bytes) -> str:
    """What the file is, by its first bytes; what the bundle says must agree with them."""
    found = next((type_ for beginning, type_ in _BEGINNINGS.items() if content.startswith(beginning)), None)
    if found is None:
        raise Unreadable("its first bytes are not those of a PDF, JPEG or PNG file")
    if document.media_type and document.media_type != found:
        raise Unreadable(f"mediaType says {document.media_type}, and its first bytes say {found}")
    return found

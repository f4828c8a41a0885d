"""What a customer files to prove who uses its numbers: end users with their address, and documents.

Each is created once under the client's reference, which is unique in the account across both; a second create under
it is refused and names the first. A document's bytes are counted and hashed, and then forgotten.

All of it is personal data: attributes, addresses and bytes are in no repr, and no refusal quotes them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from ringfleet.simulator.accounts import Accounts, Kind
from ringfleet.simulator.errors import ReferenceTaken, invalid
from ringfleet.simulator.review.requirements import DOCUMENT_TYPES, EndUser
from ringfleet.simulator.store import Row, Store

MAX_BYTES = 10 << 20
"""The largest document that is taken at all; a requirement may want a smaller one."""


class PaperKind(StrEnum):
    END_USER = "end_user"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Paper:
    """One end user (`type` business or individual) or document. `sha256` in hex, None when there is no content."""

    id: int
    account: str
    reference: str
    kind: PaperKind
    type: str
    attributes: Mapping[str, str] = field(repr=False)
    address: Mapping[str, str] = field(repr=False)
    media_type: str | None
    size: int
    sha256: str | None


class Papers:
    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts

    def create_end_user(
        self,
        account: str,
        reference: str,
        type_: EndUser,
        attributes: Mapping[str, str],
        address: Mapping[str, str],
    ) -> Paper:
        paper = Paper(0, account, reference, PaperKind.END_USER, type_, attributes, address, None, 0, None)
        return self._create(paper, Kind.END_USER)

    def create_document(
        self,
        account: str,
        reference: str,
        type_: str,
        attributes: Mapping[str, str],
        media_type: str | None,
        content: bytes,
    ) -> Paper:
        if type_ not in DOCUMENT_TYPES:
            raise invalid("type", f"is not one of {', '.join(DOCUMENT_TYPES)}")
        if len(content) > MAX_BYTES:
            raise invalid("content", f"is larger than {MAX_BYTES} bytes")
        digest = sha256(content).hexdigest() if content else None
        kind = PaperKind.DOCUMENT
        paper = Paper(0, account, reference, kind, type_, attributes, {}, media_type, len(content), digest)
        return self._create(paper, Kind.DOCUMENT)

    def move_in(self, account: str, id_: int, address: Mapping[str, str]) -> None:
        """Give an end user its address, at carriers that are told it apart from the end user."""
        text = json.dumps(dict(address))
        self._store.write("UPDATE papers SET address = ? WHERE account = ? AND id = ?", text, account, id_)

    def say(self, account: str, id_: int, type_: str, attributes: Mapping[str, str]) -> None:
        """Tell what a paper is and says, at carriers that are told it only with the bundle."""
        text = json.dumps(dict(attributes))
        what = "UPDATE papers SET type = ?, attributes = ? WHERE account = ? AND id = ?"
        self._store.write(what, type_, text, account, id_)

    def remove(self, account: str, id_: int) -> None:
        self._store.write("DELETE FROM papers WHERE account = ? AND id = ?", account, id_)

    def find(self, account: str, reference: str) -> Paper | None:
        row = self._store.row("SELECT * FROM papers WHERE account = ? AND reference = ?", account, reference)
        return None if row is None else _paper(row)

    def of(self, account: str, ids: Collection[int]) -> list[Paper]:
        """Those of the account that have these ids, oldest first."""
        wanted = json.dumps(list(ids))
        rows = self._store.rows(
            "SELECT * FROM papers WHERE account = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY id",
            account,
            wanted,
        )
        return [_paper(row) for row in rows]

    def everyone(self) -> list[Paper]:
        return [_paper(row) for row in self._store.rows("SELECT * FROM papers ORDER BY id")]

    def _create(self, paper: Paper, kind: Kind) -> Paper:
        if old := self.find(paper.account, paper.reference):
            raise ReferenceTaken(old.kind, old.id)
        self._store.write(
            "INSERT INTO papers (account, reference, kind, type, attributes, address, media_type, size, sha256) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            paper.account,
            paper.reference,
            paper.kind,
            paper.type,
            json.dumps(dict(paper.attributes)),
            json.dumps(dict(paper.address)),
            paper.media_type,
            paper.size,
            paper.sha256,
        )
        self._accounts.bill(paper.account, "", kind, 0, paper.reference)
        created = self.find(paper.account, paper.reference)
        assert created is not None
        return created


def _paper(row: Row) -> Paper:
    id_, account, reference, kind, type_, attributes, address, *rest = row
    return Paper(id_, account, reference, PaperKind(kind), type_, json.loads(attributes), json.loads(address), *rest)

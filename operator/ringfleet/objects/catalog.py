"""What an account's searches gave, as it is kept in a ConfigMap beside the CarrierAccount for the next process. Pure.

::

    main-catalog     beside CarrierAccount main, which owns it: it goes with the account
      catalog        JSON: what was offered, search by search, for people to read; at most 900 KB
      signature      of that, by the account's credentials, provider and endpoint

Whoever may edit ConfigMaps must not be able to make us buy at prices that nobody has offered, so nothing is believed
that is not signed. Who can sign has the credentials, and could buy by itself; and what one account has signed is no
word of another. A carrier's token is long and random: it can't be guessed from the signature.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringfleet.api import CarrierAccount
from ringfleet.api.meta import ACCOUNT_LABEL, API_VERSION, MANAGED_BY
from ringfleet.carriers.catalog import Remembered
from ringfleet.model import E164, Capability, Money, NumberType, Offer, Price, Query
from ringfleet.objects.carrier_account import endpoint_of, told_endpoint

CATALOG = "catalog"
SIGNATURE = "signature"
MOST_BYTES = 900_000
"""Of the JSON. A ConfigMap may have 1 MiB."""
MOST_OFFERS = (100, 50, 25, 10)
"""How many offers of one search are kept: the first of these with which all searches have room."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Who signs: one account at one carrier, by its credentials."""

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, obj: CarrierAccount, credentials: Mapping[str, str]) -> Seal:
        account = [obj.spec.provider.value, endpoint_of(obj), sorted(credentials.items())]
        return cls(hashlib.sha256(f"ringfleet catalog {json.dumps(account)}".encode()).digest())

    def sign(self, text: str) -> str:
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()

    def has_signed(self, text: str, signature: str) -> bool:
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())


class CatalogUnreadable(Exception):
    """A kept catalog that is not used, and why, in a few words without anything that stands in it."""


@dataclass(frozen=True, slots=True)
class SavedCatalog:
    """What a process has kept, and when it did."""

    memory: Mapping[Query, Remembered]
    saved_at: datetime


def catalog_name(account: str) -> str:
    return f"{account}-catalog"


def catalog_body(obj: CarrierAccount, data: Mapping[str, str]) -> dict[str, Any]:
    """The ConfigMap; the garbage collector takes it when the account is gone."""
    meta = obj.metadata
    owner = {"apiVersion": API_VERSION, "kind": "CarrierAccount", "name": meta.name, "uid": meta.uid}
    return {
        "metadata": {
            "name": catalog_name(meta.name),
            "labels": {MANAGED_BY: "ringfleet", ACCOUNT_LABEL: meta.name},
            "ownerReferences": [owner],
        },
        "data": dict(data),
    }


def catalog_patch(found: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch by which a ConfigMap that was found becomes `body`; data that is not ours goes."""
    metadata = {key: body["metadata"][key] for key in ("labels", "ownerReferences")}
    return {"metadata": metadata, "data": {**dict.fromkeys(found.get("data") or {}), **body["data"]}}


def is_catalog_of(found: Mapping[str, Any], account: str) -> bool:
    """Whether a ConfigMap is the account's, or of one of its name that came before it."""
    owners = found["metadata"].get("ownerReferences") or ()
    return any((owner["kind"], owner["name"]) == ("CarrierAccount", account) for owner in owners)


# Writing.


def catalog_data(
    obj: CarrierAccount, account_id: str | None, memory: Mapping[Query, Remembered], seal: Seal, now: datetime
) -> dict[str, str]:
    """The data of the ConfigMap: of searches that are too many for it, those that were answered last."""
    text = _text(obj, account_id, _newest_that_fit(memory), now)
    return {CATALOG: text, SIGNATURE: seal.sign(text)}


def _newest_that_fit(memory: Mapping[Query, Remembered]) -> list[str]:
    newest_first = sorted(memory.items(), key=lambda item: item[1].seen_at, reverse=True)
    *several, fewest = (most for most in MOST_OFFERS if _may_fit(memory, most) or most == min(MOST_OFFERS))
    for most in several:
        blocks = [_block(query, kept, most) for query, kept in newest_first]
        if sum(map(_size, blocks)) <= _ROOM:
            return blocks
    return list(_within(_block(query, kept, fewest) for query, kept in newest_first))


def _may_fit(memory: Mapping[Query, Remembered], most: int) -> bool:
    """Whether so many offers of each search can have room at all. Writing them out to see that they have none would
    hold everybody up."""
    return sum(min(len(kept.offers), most) for kept in memory.values()) * _LEAST_BYTES <= _ROOM


_LEAST_BYTES = 60
"""An offer is no shorter."""


def _within(blocks: Iterable[str]) -> Iterator[str]:
    room = _ROOM
    for block in blocks:
        room -= _size(block)
        if room < 0:
            return
        yield block


_ROOM = MOST_BYTES - 8_000
"""What provider, endpoint and the account's id may take is left out of it."""


def _size(block: str) -> int:
    return len(block.encode()) + 2


def _text(obj: CarrierAccount, account_id: str | None, blocks: list[str], now: datetime) -> str:
    """One line an offer: JSON that a person can read, and half of the size of an indented one."""
    head = {"provider": obj.spec.provider.value, "endpoint": told_endpoint(obj), "account": account_id}
    lines = [f" {_json(key)}: {_json(value)}," for key, value in {**head, "savedAt": _time(now)}.items()]
    searches = ",\n".join(blocks)
    return "\n".join(["{", *lines, ' "searches": [', *([searches] if searches else ()), " ]", "}"])


def _block(query: Query, kept: Remembered, most: int) -> str:
    said = {
        "country": query.country,
        "type": query.type.value,
        "areaCode": query.area_code,
        "capabilities": sorted(query.capabilities),
        "seenAt": _time(kept.seen_at),
        **{name: value for name, value in (("inRegion", query.region), ("locality", query.locality)) if value},
    }
    offers = ",\n".join(f"   {_json(_offer(query, offer))}" for offer in kept.offers[:most])
    head = _json(said).removesuffix("}")
    return f'  {head}, "offers": [\n{offers}\n  ]}}' if offers else f'  {head}, "offers": []}}'


def _offer(query: Query, offer: Offer) -> dict[str, object]:
    """What the search has asked for is left out."""
    price = offer.price
    said: dict[str, object] = {
        "number": offer.number,
        "monthly": str(price.monthly.amount),
        "setup": str(price.setup.amount),
        "currency": price.monthly.currency,
        "setupCurrency": price.setup.currency,
        "country": offer.country,
        "type": offer.type.value,
        "areaCode": offer.area_code,
        "region": offer.region,
        "capabilities": sorted(offer.capabilities),
        "needsDocuments": offer.needs_documents,
        "token": offer.token,
    }
    usual = {**_usual(query), "setupCurrency": price.monthly.currency}
    return {key: value for key, value in said.items() if key not in usual or value != usual[key]}


def _usual(query: Query) -> dict[str, object]:
    """What an offer is when nothing else is said."""
    return {
        "country": query.country,
        "type": query.type.value,
        "areaCode": query.area_code,
        "region": None,
        "capabilities": sorted(query.capabilities),
        "needsDocuments": False,
        "token": "",
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


# Reading.


def saved_catalog(data: Mapping[str, str], account_id: str | None, seal: Seal) -> SavedCatalog:
    """What is kept in the data of a ConfigMap. `account_id`: the carrier's own of the account, as far as it is known.

    Raises:
        CatalogUnreadable: it is not ours, or not as we write it.
    """
    text, signature = data.get(CATALOG), data.get(SIGNATURE)
    if text is None or signature is None:
        raise CatalogUnreadable(f"it has no {CATALOG} or no {SIGNATURE}")
    if len(text.encode()) > MOST_BYTES:
        raise CatalogUnreadable("it is larger than what is written there")
    if not seal.has_signed(text, signature):
        raise CatalogUnreadable("it is not signed by the account's credentials for its provider and endpoint")
    try:
        told = json.loads(text)
        if account_id is not None and told["account"] not in (None, account_id):
            raise CatalogUnreadable("it is of another account at the carrier")
        return SavedCatalog(dict(map(_search, told["searches"])), datetime.fromisoformat(told["savedAt"]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CatalogUnreadable(f"it is written in a way that is not known here ({type(error).__name__})") from error


def _search(told: Mapping[str, Any]) -> tuple[Query, Remembered]:
    query = Query(
        told["country"],
        NumberType(told["type"]),
        told["areaCode"],
        _capabilities(told["capabilities"]),
        told.get("inRegion"),
        told.get("locality"),
    )
    offers = tuple(_read_offer(_usual(query) | row) for row in told["offers"])
    return query, Remembered(offers, datetime.fromisoformat(told["seenAt"]))


def _read_offer(row: Mapping[str, Any]) -> Offer:
    monthly = Money.parse(row["monthly"], row["currency"])
    return Offer(
        number=E164(row["number"]),
        country=row["country"],
        type=NumberType(row["type"]),
        price=Price(monthly, Money.parse(row["setup"], row.get("setupCurrency", monthly.currency))),
        area_code=row["areaCode"],
        region=row["region"],
        capabilities=_capabilities(row["capabilities"]),
        needs_documents=row["needsDocuments"],
        token=row["token"],
    )


def _capabilities(words: Iterable[str]) -> frozenset[Capability]:
    return frozenset(map(Capability, words))

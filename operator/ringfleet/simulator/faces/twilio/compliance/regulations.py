"""What is asked for, market by market, as Twilio's regulations say it."""

from __future__ import annotations

import hashlib
from typing import Final

from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.wire import Json, meta_page
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.review.requirements import REGULATIONS, Regulation, Requirement, Subject

URL: Final = "https://numbers.twilio.com/v2/RegulatoryCompliance"
ADDRESS_DOCUMENT: Final = "business_address"
"""The type of a document that only names an address."""
_TYPES: Final = {"geographic": "local", "mobile": "mobile", "national": "national", "toll_free": "toll-free"}


def regulations(_: Exchange, asked: Asked) -> Answer:
    query = Fields(asked.query, "query")
    country, type_, user = (query.text(name) for name in ("IsoCountry", "NumberType", "EndUserType"))
    found = [
        one
        for one in REGULATIONS.values()
        if one.requirements
        and country in (None, one.country)
        and type_ in (None, _TYPES.get(one.type, one.type))
        and user in (None, one.end_user)
    ]
    order = {one.id: place for place, one in enumerate(found, 1)}
    return meta_page(asked, "results", f"{URL}/Regulations", found, lambda one: order[one.id], _regulation)


def regulation(_: Exchange, asked: Asked) -> Answer:
    return Answer(200, _regulation(regulation_of(asked.path["sid"])))


def regulation_of(sid: str | None) -> Regulation:
    for one in REGULATIONS.values():
        if sid_of(one) == sid:
            return one
    raise invalid("RegulationSid", "is of no regulation")


def sid_of(regulation: Regulation) -> str:
    return "RN" + hashlib.md5(regulation.id.encode(), usedforsecurity=False).hexdigest()


def _regulation(one: Regulation) -> Json:
    sid = sid_of(one)
    users = [asked for asked in one.requirements if asked.subject is Subject.END_USER]
    papers = [[_paper_asked(asked)] for asked in one.requirements if asked.subject is not Subject.END_USER]
    return {
        "sid": sid,
        "friendly_name": f"{one.country}: {one.type} - {one.end_user}",
        "iso_country": one.country,
        "number_type": _TYPES[one.type],
        "end_user_type": str(one.end_user),
        "requirements": {"end_user": [_user_asked(one, asked) for asked in users], "supporting_document": papers},
        "url": f"{URL}/Regulations/{sid}",
    }


def _user_asked(one: Regulation, asked: Requirement) -> Json:
    return {"type": str(one.end_user), "name": asked.description, "requirement_name": asked.id, **_fields(asked)}


def _paper_asked(asked: Requirement) -> Json:
    fields = {"fields": ["address_sids"], "detailed_fields": [_field("address_sids")]}
    if asked.subject is Subject.DOCUMENT:
        accepted = [{"name": type_, "type": type_, **_fields(asked)} for type_ in asked.accepts]
    else:
        accepted = [{"name": "Address", "type": ADDRESS_DOCUMENT, **fields}]
    return {
        "type": "document",
        "name": asked.description,
        "requirement_name": asked.id,
        "description": asked.description,
        "accepted_documents": accepted,
    }


def _fields(asked: Requirement) -> Json:
    return {"fields": list(asked.attributes), "detailed_fields": [_field(name) for name in asked.attributes]}


def _field(name: str) -> Json:
    return {"machine_name": name, "friendly_name": name.replace("_", " "), "description": name}

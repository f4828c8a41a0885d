"""Filing documents at Telnyx (requirement groups), behind the protocol of `carriers/registrar.py`.

::

    /documents ----- id --.                                                       filed_items.py
    /addresses ----- id ---+--> requirement group: one value a requirement --> submit_for_approval
    texts of the end user -'                                                      requirement_group.py

There is no check but the review: what is looked for before it, is done here; so before a group is made or changed, each
of its documents is looked at. Groups answer bare, without `data`, and so does their list. What is read of people is
never quoted (`compliance_calls.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ringfleet.carriers.errors import RequestRejected
from ringfleet.carriers.http import AccountClient
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.compliance_calls import ComplianceCalls, age, made
from ringfleet.carriers.telnyx.filed_items import Items
from ringfleet.carriers.telnyx.requirement_group import ADDRESS, HANDED_IN, declined_in, read_group, value_of, values_in
from ringfleet.carriers.telnyx.requirements import parse_regulation
from ringfleet.model import E164, NumberType
from ringfleet.model.compliance import EndUserType, Filing, Paper, Party, Regulation, Review, Shortcoming, Waste

NOT_ORDERED = "not_ordered"


class TelnyxRegistrar:
    """The compliance side of one account, whose name is `account`; it shares the account's HTTP client, and has a
    circuit breaker of its own."""

    def __init__(self, account: str, http: AccountClient) -> None:
        self._account = account
        self._calls = ComplianceCalls(http)
        self._items = Items(account, self._calls)

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation | None:
        """An empty list is read as "nothing is asked": whether such numbers are sold is what a search says."""
        params = {
            "filter[country_code]": country,
            "filter[phone_number_type]": wire.TYPE_WORDS[type_],
            "filter[action]": "ordering",
        }
        reply = await self._calls.call("GET", "regulatory requirements", params=params)
        return parse_regulation(reply, country, type_, end_user)

    async def asked_of(self, country: str, type_: NumberType) -> Regulation:
        """The same of whoever uses the numbers: Telnyx makes no difference."""
        found = await self.regulation(country, type_, EndUserType.BUSINESS)
        assert found is not None
        return found

    # Items.

    async def find_item(self, reference: str) -> str | None:
        return await self._items.find(reference)

    async def create_party(self, party: Party, reference: str) -> str:
        return await self._items.create_party(party, reference)

    async def upload(self, paper: Paper, reference: str) -> str:
        return await self._items.upload(paper, reference)

    # Groups.

    async def find_filing(self, reference: str) -> Filing | None:
        reply = await self._calls.call("GET", "requirement groups", params={"filter[customer_reference]": reference})
        rows = [Fields(row, "requirement group") for row in (reply if isinstance(reply, list) else [reply])]
        ours = [row for row in rows if row.maybe_text("customer_reference") == reference]
        return await self._told(min(ours, key=age)) if ours else None

    async def filing(self, external_id: str) -> Filing | None:
        try:
            group = await self._group(external_id)
        except RequestRejected as error:
            if error.code == wire.NOT_FOUND:
                return None
            raise
        return await self._told(group)

    async def _told(self, group: Fields) -> Filing:
        """With what was declined, in the words that Telnyx has for each requirement."""
        found = read_group(group)
        if found.review is not Review.REJECTED:
            return found
        words = {one.id: one.description for one in (await self._regulation_of(group)).requirements}
        return replace(found, shortcomings=tuple(declined_in(group, words)))

    async def open_filing(
        self,
        regulation: Regulation,
        items: tuple[str, ...],
        reference: str,
        contact: str,  # noqa: ARG002 - Telnyx writes to the account's own
        party: Party,
        renews: str | None = None,  # noqa: ARG002 - one group takes over no other: see `in_place`
    ) -> Filing:
        if (found := await self.find_filing(reference)) is not None:
            return found
        body = {
            "country_code": regulation.country,
            "phone_number_type": wire.TYPE_WORDS[regulation.type],
            "action": "ordering",
            "customer_reference": reference,
            "regulatory_requirements": await self._values(regulation, items, party),
        }
        reply = await self._calls.call("POST", "requirement groups", json=body, safe=False)
        return Filing(made(lambda: Fields(reply, "reply").text("id")), reference, Review.DRAFT, items)

    async def put_items(self, external_id: str, items: tuple[str, ...], party: Party) -> None:
        group = await self._group(external_id)
        values = await self._values(await self._regulation_of(group), items, party)
        await self._calls.call("PATCH", "requirement group", external_id, json={"regulatory_requirements": values})

    async def evaluate(self, external_id: str) -> tuple[Shortcoming, ...]:
        """A value for each requirement, and no document in which a virus was found, or which was denied before."""
        group = await self._group(external_id)
        values = values_in(group)
        asked = (await self._regulation_of(group)).requirements
        lacks = [Shortcoming(None, "missing", one.description) for one in asked if not values.get(one.id)]
        return (*lacks, *await self._items.faults(read_group(group).items))

    async def submit(self, external_id: str) -> None:
        try:
            await self._calls.call("POST", "approval of requirement group", external_id)
        except RequestRejected:
            if read_group(await self._group(external_id)).review not in HANDED_IN:
                raise

    async def take_over(self, external_id: str, successor: str, reference: str) -> Filing:
        raise RequestRejected(f"{external_id} takes over neither {successor} nor {reference}: see `in_place`")

    async def tidy(self, waste: Waste) -> None:
        """Nothing is deleted here: what is in no group goes by itself, and a group is found by its reference."""

    async def attach(self, number_id: str, external_id: str) -> None:
        """The group is given to the number's order, which is open while the number waits. Telnyx refuses it for one
        that is in service, and the number keeps what it was bought with."""
        reply = await self._calls.call("GET", "number", number_id)
        row = Fields(reply, "reply").inside("data")
        ordered = await self._ordered(row.number(wire.NUMBER), row.text("country_iso_alpha2"))
        group = {"requirement_group_id": external_id}
        await self._calls.call("POST", "requirement group of ordered number", ordered, json=group)

    async def _values(self, regulation: Regulation, items: Iterable[str], party: Party) -> list[Mapping[str, str]]:
        """The value of each requirement that has one. Raises ItemsGone."""
        documents = await self._items.documents(items)
        address = next((item.removeprefix(ADDRESS) for item in items if item.startswith(ADDRESS)), "")
        values = {one.id: value_of(one, party, address, documents) for one in regulation.requirements}
        return [{"requirement_id": id_, "field_value": value} for id_, value in values.items() if value]

    async def _regulation_of(self, group: Fields) -> Regulation:
        return await self.asked_of(group.text("country_code"), group.choice("phone_number_type", wire.TYPES))

    async def _group(self, external_id: str) -> Fields:
        return Fields(await self._calls.call("GET", "requirement group", external_id), "requirement group")

    async def _ordered(self, number: E164, country: str) -> str:
        """The id of the number in its order, which is another one than the number's own. Of several the newest: it was
        given back before."""
        reply = await self._calls.call("GET", "ordered numbers", params={"filter[country_code]": country})
        rows = [Fields(row, "ordered number") for row in Fields(reply, "reply").items("data")]
        named = [row.text("id") for row in rows if row.maybe_text(wire.NUMBER) == number]
        if not named:
            raise RequestRejected(f"{self._account}: Telnyx shows no order of the number", NOT_ORDERED)
        return named[-1]

"""What a claim asks of a number, whether a number has it, and what of it a market can give.

::

    a must    capabilities; area codes, where the claim requires one of them     a number without it is never taken
    a wish    area codes, where it does not                                      others are taken when there is none

What a number costs is a must of a claim whose namespace pays for it out of a quota: the claims of such a namespace have
orders of their own, so that what it can't pay keeps nobody else from a number.

A market says what all its numbers have, so it can give more: a pool of voice numbers orders one with SMS for the claim
that must have it. What it can never give is an area code that it does not list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from ringfleet.model import E164, AccountKey, Capability, Market, Money
from ringfleet.model.numbering import area_code_of, has_area_codes, misspelt_area_codes
from ringfleet.model.refs import ObjectRef


class Traits(NamedTuple):
    """What a number has that a claim may ask for, as far as it is known."""

    capabilities: frozenset[Capability] = frozenset()
    """What it can do for sure."""
    area_codes: frozenset[str] = frozenset()
    """One of these is its area code; empty: any may be."""
    monthly: Money | None = None
    """What it costs a month; None: that is not known, or of no matter."""
    quotas_of: str | None = None
    """The namespace whose quotas are sure to leave its price; None: of none that is known."""
    account: AccountKey | None = None
    """The carrier account that it is of; None: that is not known, or of no matter."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a claim asks of a number, and what an order is to bring for such claims."""

    capabilities: frozenset[Capability] = frozenset()
    """What the number must be able to do."""
    area_codes: tuple[str, ...] = ()
    """Its area codes, the preferred one first; empty: any."""
    required: bool = False
    """Whether a number with none of these area codes is of no use."""
    quotas_of: str | None = None
    """The namespace whose NumberQuotas have to leave the number's price, for it is of no use else: how much they leave
    is looked at when an order chooses. None: it may cost whatever the pool pays."""
    bundle: ObjectRef | None = None
    """The ComplianceBundle of the claims' tenant that numbers are bought under; None: the pool's. It is no trait of a
    number: one that is there is registered to it when it is bound, where `accounts` lets it be."""
    accounts: frozenset[AccountKey] | None = None
    """The accounts at which a number may be registered to that bundle, as far as is known: one of another account is of
    no use. None: any will do. No order says so, for each is of one account."""
    account: AccountKey | None = None
    """The carrier account that the number must be of; None: of any."""

    @property
    def must_codes(self) -> tuple[str, ...]:
        """The area codes of which the number must have one; empty: any will do."""
        return self.area_codes if self.required else ()

    @property
    def musts(self) -> Ask:
        """The same without its wishes."""
        return self if self.required or not self.area_codes else replace(self, area_codes=())

    @property
    def anywhere(self) -> Ask:
        """The same of whatever account: what one account has for it, it has for others that ask this."""
        return self if self.account is None else replace(self, account=None)

    def can_be_at(self, account: AccountKey | None) -> bool:
        """Whether a number of the account is of use, as far as is known. None: of one that is not known."""
        return self.accounts is None or account is None or account in self.accounts

    def is_met_by(self, traits: Traits) -> bool:
        """Whether a number with these traits has all that it must, as far as its account is known."""
        if not self.capabilities <= traits.capabilities or self.account not in (None, traits.account or self.account):
            return False
        return not self.must_codes or (bool(traits.area_codes) and traits.area_codes <= set(self.must_codes))

    def is_met_by_all_of(self, market: Market) -> bool:
        """Whether every number of the market has all that it must, whatever account it comes from."""
        return self.account is None and self.is_met_by(traits_of(market))


NOTHING = Ask()
"""Any number will do."""


def traits_of(market: Market) -> Traits:
    """What all numbers of a market have."""
    return Traits(market.capabilities, frozenset(market.area_codes))


def traits_of_number(
    number: E164, capabilities: frozenset[Capability], area_code: str | None, codes: tuple[str, ...]
) -> Traits:
    """What a number has; of area codes only which one of `codes`, of those that somebody asks for. "" stands for any
    other one. Where its carrier says none, it is the one that the number begins with."""
    return traits_said(capabilities, area_code_of(number, area_code, codes) if codes else None, codes)


def traits_said(capabilities: frozenset[Capability], area_code: str | None, codes: tuple[str, ...]) -> Traits:
    """The same by what its carrier says alone: an `area_code` that it does not say is none of `codes`."""
    return Traits(capabilities, frozenset({area_code if area_code in codes else ""}) if codes else frozenset())


def can_give(market: Market, ask: Ask) -> bool:
    """Whether there may be numbers of the market that have all that is a must."""
    return not ask.must_codes or bool(_within(market, ask.must_codes))


def beyond(market: Market, ask: Ask) -> Ask:
    """What of an ask, which the market can give, its own orders do not see to: NOTHING when they do."""
    codes = _within(market, ask.area_codes)
    required = bool(ask.must_codes) and (not market.area_codes or set(codes) != set(market.area_codes))
    if not required and codes == market.area_codes[: len(codes)]:
        codes = ()
    return Ask(ask.capabilities - market.capabilities, codes, required, ask.quotas_of, ask.bundle, account=ask.account)


def narrow(market: Market, ask: Ask) -> Market:
    """The market to order from for claims that ask this, which it can give."""
    codes = _within(market, ask.area_codes)
    market = replace(market, capabilities=market.capabilities | ask.capabilities)
    return replace(market, area_codes=codes) if ask.must_codes else replace(market, wished=codes)


def _within(market: Market, codes: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `codes` that numbers of the market may have, each once."""
    if not has_area_codes(market.country, market.type):
        return ()
    listed = (code for code in dict.fromkeys(codes) if not market.area_codes or code in market.area_codes)
    return tuple(code for code in listed if misspelt_area_codes(market.country, (code,)) is None)

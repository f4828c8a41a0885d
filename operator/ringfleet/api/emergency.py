"""The emergency address (E911) that a RoutingProfile or a NumberClaim has for its numbers: written there, or in a
Secret, since it may be where a person lives."""

from typing import Annotated

from pydantic import Field

from ringfleet.api.market import Country
from ringfleet.api.meta import LocalRef, Part, Rule
from ringfleet.model.emergency import LONGEST_NAME

Line = Annotated[str, Field(min_length=1, max_length=128)]

_FIELDS = ("name", "street", "extended", "city", "region", "postalCode", "country")
_NEEDED = ("name", "street", "city", "postalCode", "country")


def _all(fields: tuple[str, ...]) -> str:
    return f"[{', '.join(f'has(self.{field})' for field in fields)}]"


class EmergencyAddress(Part):
    """Where emergency services are sent to when somebody calls them from a number. Carriers check it against the
    register of the emergency services, and charge for each number that has one."""

    rules = (
        Rule(
            f"has(self.secretRef) ? !{_all(_FIELDS)}.exists(field, field) : {_all(_NEEDED)}.all(field, field)",
            "write the address here (name, street, city, postalCode and country), or else name its Secret (secretRef)",
        ),
        Rule(
            '!has(self.country) || !(self.country in ["US", "CA"]) || '
            '(has(self.region) && self.region.matches("^[A-Z]{2}$"))',
            "write the state or province of an address in the US or Canada as its two letters, such as CA",
            at=".region",
        ),
        Rule(
            '!has(self.country) || !has(self.postalCode) || self.country != "US" || '
            'self.postalCode.matches("^[0-9]{5}(-[0-9]{4})?$")',
            "write the postal code of an address in the US as five digits, in quotes, such as '94105'",
            at=".postalCode",
        ),
        Rule(
            '!has(self.country) || !has(self.postalCode) || self.country != "CA" || '
            'self.postalCode.matches("^[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]$")',
            "write the postal code of an address in Canada as letters and digits in turn, such as K1A 0B1",
            at=".postalCode",
        ),
    )

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)] | None = None
    """Person or company that is found at the address, of at most 32 characters, such as Example Inc."""
    street: Line | None = None
    """House number and street, such as 645 Harrison St."""
    extended: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Floor, suite or flat, such as Suite 200."""
    city: Line | None = None
    """City, such as San Francisco."""
    region: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """State or province; in the US and Canada as its two letters, such as CA."""
    postal_code: Annotated[str, Field(min_length=1, max_length=16)] | None = None
    """Postal code, in quotes, such as "94105"."""
    country: Country | None = None
    """Country of the address, as its ISO 3166-1 alpha-2 code, such as US: that of the numbers."""
    secret_ref: LocalRef | None = None
    """Secret of this namespace that holds the address instead, which keeps it out of this object: its keys are the
    other fields' names, such as street and postalCode. A change of the Secret is seen with the next sweep of the
    CarrierAccount."""

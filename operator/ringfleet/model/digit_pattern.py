"""The digits that a person wants to see in a number: `FLOWERS`, `777`, `2**2$`.

A pattern is looked for anywhere in the national number, area code included::

    0-9       the digit
    A-Z       the digit that the letter is on, as a telephone's keys have them (ITU-T E.161)
    *         any one digit
    $         at the end only: the number ends here
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ringfleet.model import E164
from ringfleet.model.numbering import national_digits

_KEYS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999", strict=True))
LEAST, MOST = 2, 14
"""How many digits a pattern has. Of one, nearly all numbers have it; a national number has no more."""


@dataclass(frozen=True, slots=True)
class DigitPattern:
    """See the module. `digits` has digits and `*` only; `at_end`: the number ends with them."""

    digits: str
    at_end: bool = False

    @classmethod
    def parse(cls, text: str) -> DigitPattern:
        """Raises ValueError, with what to write, for what is no pattern."""
        bare = text.removesuffix("$").upper()
        digits = "".join(_KEYS.get(one, one) for one in bare)
        if not re.fullmatch(r"[0-9*]+", digits) or not re.search("[0-9]", digits):
            raise ValueError(
                f"{text!r} is no pattern: write digits, letters as on a telephone's keys, * for any one digit, and $ "
                "behind them for the end of the number, such as 777 or 2**2$"
            )
        if not LEAST <= len(digits) <= MOST:
            raise ValueError(f"{text!r} is no pattern: write {LEAST} to {MOST} digits")
        return cls(digits, text.endswith("$"))

    def is_in(self, number: E164) -> bool:
        """Whether the number has it."""
        found = re.compile(self.digits.replace("*", "[0-9]") + ("$" if self.at_end else ""))
        return found.search(national_digits(number)) is not None

    @property
    def longest_run(self) -> str:
        """The most digits of it that stand side by side: what a carrier without `*` can be asked for."""
        return max(self.digits.split("*"), key=len)

    @property
    def tail(self) -> str:
        """The digits that the number ends with; "" when the pattern says nothing of its end."""
        return self.digits.rpartition("*")[2] if self.at_end else ""

    def __str__(self) -> str:
        return self.digits + ("$" if self.at_end else "")

"""The emergency stop: while it holds, nothing is bought, given back, bound or picked. Pure.

::

    everything     the ConfigMap `ringfleet-freeze` in the operator's own namespace: that it is there is the freeze
    an account     the annotation ringfleet.dev/frozen on the CarrierAccount
    a pool         the same on the NumberPool

A freeze needs nothing of ours to be said but its place: one that says neither who nor why holds as well. What is under
way at a carrier is looked up, numbers that were bought are written down, and traffic goes on; see
`controllers/freeze.py` for when it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

HOLDS = "nothing is bought, given back, bound or picked there"


@dataclass(frozen=True, slots=True)
class Freeze:
    """One freeze that holds."""

    what: str
    """What is frozen, as the beginning of a sentence: "NumberPool sales/us-west"."""
    thaw: str
    """The command that ends the freeze."""
    who: str = ""
    """Who has frozen it; empty: nobody has said so."""
    why: str = ""
    """Why it was frozen; empty: nobody has said so."""

    @property
    def message(self) -> str:
        """A sentence for a person."""
        by = f" by {self.who}" if self.who else ""
        because = f" ({self.why})" if self.why else ""
        return f"{self.what} is frozen{by}{because}: {HOLDS} until `{self.thaw}`."

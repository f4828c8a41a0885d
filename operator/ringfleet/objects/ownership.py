"""Which PhoneNumber stands for a number that an account holds, when there may be several, in several namespaces. Pure.

::

    the carrier's mark is of another installation       -> no object of ours: the number is left alone (promise 8)
    it names a namespace, and that namespace has
    the object, or the pool that would get it (1)       -> the object there, or none until the sweep has made it
    no mark, or one that names what is gone             -> the object that was created first

(1) Or the namespace is served by another operator: then it is not for this one to say that it is gone.

Objects that only observe, and those whose number was given back, stand for nothing. The other objects of the number do
nothing, and say whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from ringfleet.model import Mark, Phase
from ringfleet.objects.phone_number import NumberRecord


def owner_of(mark: Mark | None, records: Iterable[NumberRecord]) -> NumberRecord | None:
    """The object that the number belongs to. `records`: those of the number at its account, in whatever namespace.

    `mark`: the carrier's mark, when it is of this installation and decides; None: age does.
    """
    standing = [record for record in records if not record.observed and record.state.phase is not Phase.RELEASED]
    if mark is not None:
        return next((record for record in standing if record.namespace == mark.namespace), None)
    return min(standing, key=lambda record: (record.created, record.namespace, record.name), default=None)


def foreign_mark(mark: Mark | None, record: NumberRecord, installation: str) -> Mark | None:
    """The mark, when it names another installation or another namespace than the object's; else None.

    A number that is only observed may carry any mark.
    """
    if mark is None or record.observed or (mark.installation, mark.namespace) == (installation, record.namespace):
        return None
    return mark

"""Marking many numbers at Telnyx by one job, in place of one call for each.

A job takes up to a thousand numbers, works by itself, and says of each what became of it. To make it once more changes
the numbers to the same again, so that it may be tried again. It names its numbers always: one that names none, and has
a filter in its query, would change whatever that fits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from ringfleet.carriers.errors import RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.model import E164, Mark, Price

POLLS = (0.0, 0.01, 0.02, 0.04, 0.08)
"""Before each time that something is asked how far it is: so much of the time for which Telnyx may lag behind."""
AT_WORK = frozenset({"pending", "in_progress"})


async def mark_by_job(
    http: AccountClient,
    numbers: Iterable[E164],
    mark: Mark,
    price: Price,
    lag: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> dict[E164, str]:
    """The ids of those that are marked, and say what they were bought for. The others are not, or not yet."""
    body = {"phone_numbers": [str(number) for number in numbers], **wire.bought(mark, price)}
    try:
        reply = await http.call(Call("POST", wire.path("update job"), json=body))
    except RequestRejected:  # because of one of them, perhaps: each is marked by itself then
        return {}
    job = Fields(reply, "reply").inside("data")
    for share in POLLS:
        await sleep(share * lag)
        reply = await http.call(Call("GET", wire.path("job", job.text("id"))))
        job = Fields(reply, "reply").inside("data")
        if job.maybe_text("status") not in AT_WORK:
            break
    done = [Fields(one, "done") for one in job.items("successful_operations")]
    return {one.number(wire.NUMBER): one.text("id") for one in done}

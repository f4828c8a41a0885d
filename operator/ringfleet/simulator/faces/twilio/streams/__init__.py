"""Event Streams at the Twilio face: sinks, what they are subscribed to, and what they are told.

A sink is active from the start, and a test of it is always valid. It has one subscription at most, and one that has any
does not go. Only webhooks are sinks here, and only messages that come in are told: other types may be subscribed to, as
there, and are silent. A webhook is told an array of CloudEvents, signed by the hash of its body, again and again until
it says yes: at least once, and in whatever order that makes.
"""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.faces.twilio.streams import sinks, subscriptions

ROUTES: Final = (*sinks.ROUTES, *subscriptions.ROUTES)

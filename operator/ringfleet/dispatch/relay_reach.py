"""Which addresses a relayed request may go to: those that the carrier could have called itself, and no others.

Whoever writes a RoutingProfile names the URL that the dispatcher then calls, from inside the cluster and without that
person's rights: the metadata of a cloud, the API server, a neighbour's service and the dispatcher itself are all within
its reach. A carrier calls from the internet, where none of them answers. So an address has to be one that the internet
routes to; what else a cluster needs (a program whose name means a private address inside) its administrator lets in by
network, `relay_networks` in the settings.

Asked is the address to which the connection is about to be made, not the name: a name may mean another one by then.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

INSIDE: Final = (
    ip_network("168.63.129.16/32"),  # a host's agent of Azure, at an address that looks public
    ip_network("192.0.0.0/24"),  # of protocols; Oracle's cloud has its metadata there
    ip_network("192.88.99.0/24"),  # the way into 6to4, whatever is behind
)
"""What is no place on the internet, though Python's register calls it global."""
_UNICAST: Final = ip_network("2000::/3")
"""All of IPv6 that is given out for the internet so far."""
_NAT64: Final = ip_network("64:ff9b::/96")


class OutOfReach(OSError):
    """The address is not one that a relayed request may go to."""


def may_reach(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether a request may go there: the internet routes to it, or `allowed` has it."""
    if any(address in network for network in allowed):
        return True
    meant = _meant(address)
    if meant != address:
        return may_reach(meant, allowed)
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in INSIDE)


def _meant(address: Address) -> Address:
    """The IPv4 address that is written in an IPv6 one, where packets go there in the end."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def sockets_within(allowed: Sequence[Network]) -> Callable[[Any], socket.socket]:
    """Makes the sockets of a client that goes nowhere else. It raises OutOfReach."""

    def make(at: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        family, type_, protocol, _, where = at
        if not may_reach(ip_address(where[0].partition("%")[0]), allowed):
            raise OutOfReach("the address is not on the internet, and relay_networks does not have it")
        made = socket.socket(family, type_, protocol)
        made.setblocking(False)
        return made

    return make

"""Where a relayed request may go: wherever the carrier could have called itself."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ringfleet.cli.dispatch import _settings
from ringfleet.dispatch.relay_reach import may_reach

INTERNET = ("8.8.8.8", "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808")
INSIDE = (
    *("0.0.0.0", "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "224.0.0.1", "255.255.255.255"),
    *("169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254"),  # clouds' metadata
    *("::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff0e::1", "2001:db8::1"),
    *("::127.0.0.1", "::ffff:10.0.0.1", "2002:a00:1::1", "64:ff9b::a00:1", "64:ff9b:1::a00:1"),  # of IPv4, in IPv6
)


@pytest.mark.parametrize("address", INTERNET)
def test_what_the_internet_routes_to_may_be_called(address: str) -> None:
    assert may_reach(ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_what_only_the_inside_of_a_cluster_or_cloud_reaches_may_not(address: str) -> None:
    assert not may_reach(ip_address(address))
    assert not may_reach(ip_address(address), [ip_network("198.51.100.0/24")])


@pytest.mark.parametrize("address", ["10.20.0.7", "::ffff:10.20.0.7", "64:ff9b::a14:7"])
def test_a_network_that_is_let_in_may_be_called_however_its_addresses_are_written(address: str) -> None:
    allowed = [ip_network("10.20.0.0/16"), ip_network("fd00:1::/64")]
    assert may_reach(ip_address(address), allowed)
    assert may_reach(ip_address("fd00:1::7"), allowed)
    assert not may_reach(ip_address("10.21.0.7"), allowed)


def test_the_networks_are_a_flag_of_the_dispatcher() -> None:
    assert _settings({"dev_insecure": True}).relay_networks == ()
    given = {"dev_insecure": True, "relay_networks": ("10.20.0.0/16", "fd00:1::/64")}
    assert _settings(given).relay_networks == (ip_network("10.20.0.0/16"), ip_network("fd00:1::/64"))

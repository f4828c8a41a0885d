"""The demo's carrier."""

from __future__ import annotations

import socket

import pytest

from tests.demo import __main__ as demo


def test_the_carrier_takes_another_port_when_somebody_has_the_one_of_the_example(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another demo, say, that began at the same moment: who looks first may lose the port meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        monkeypatch.setattr(demo, "SIMULATOR_PORT", taken)
        with demo._carrier() as carrier:
            assert carrier.url != f"http://127.0.0.1:{taken}"
            assert carrier.calls() == {}

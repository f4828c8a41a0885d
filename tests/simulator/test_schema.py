"""State files of older simulators. `states/` holds the tables as those simulators made them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ringfleet.simulator.exchange import open_exchange
from ringfleet.simulator.faults.faults import Faults
from ringfleet.simulator.schema import VERSION
from tests.simulator.process import SimulatorProcess

STATES = sorted((Path(__file__).parent / "states").glob("*.sql"))
NUMBER = "+14152000010"
HELD = """
INSERT INTO settings VALUES ('seed', '1');
INSERT INTO accounts VALUES ('ann', 'USD', 1000, 880);
INSERT INTO tokens VALUES ('token', 'ann');
INSERT INTO numbers (id, number, account, country, type, area_code, region, capabilities, monthly, setup, reference,
    purchased_at, renews_at, active_at) VALUES
    (7, '+14152000010', 'ann', 'US', 'geographic', '415', 'San Francisco, CA', 'voice,sms', 120, 0, 'mine', 1, 4e9, 1);
INSERT INTO ledger (id, at, account, number, kind, amount, key)
    VALUES (41, 1, 'ann', '+14152000010', 'purchase', 120, 'k');
INSERT INTO cart_items (basket, token, number, reference, monthly, setup) VALUES ('b', 't', '+14152000011', 'r', 1, 2);
"""
SHAPE = "SELECT m.name, i.cid, i.name, i.type FROM sqlite_master m, pragma_table_info(m.name) i ORDER BY 1, 2"


@pytest.mark.parametrize("tables", STATES, ids=lambda path: path.stem)
def test_an_older_state_file_becomes_like_a_new_one_and_keeps_what_it_holds(tables: Path, tmp_path: Path) -> None:
    state, fresh = tmp_path / "old.db", tmp_path / "new.db"
    make(state, tables.read_text() + HELD)
    open_exchange(str(fresh), Faults(1)).close()
    exchange = open_exchange(str(state), Faults(1))
    assert shape(state) == shape(fresh)
    with exchange.turn():
        held = exchange.holdings.get("ann", 7)
        assert (held.number, held.bundle, held.attestation, held.suspended) == (NUMBER, None, "A", False)
        exchange.papers.find("ann", "nothing")
        exchange.bundles.create("ann", "bundle", "req_de_geographic_business", (), "ann@example.com")
        entries = [(entry.id, entry.kind, entry.key) for entry in exchange.accounts.ledger("ann")]
        assert entries == [(41, "purchase", "k"), (42, "bundle", "bundle")]
    exchange.close()
    with pytest.raises(sqlite3.IntegrityError, match="the ledger only grows"):
        make(state, "DELETE FROM ledger")
    open_exchange(str(state), Faults(1)).close()


def test_a_state_file_of_a_newer_simulator_is_refused_with_what_to_do(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    make(state, f"PRAGMA user_version = {VERSION + 1};")
    with pytest.raises(RuntimeError, match=r"written by a newer simulator.* use that simulator, or another file"):
        SimulatorProcess(state=state).start()


def make(state: Path, script: str) -> None:
    db = sqlite3.connect(state)
    try:
        db.executescript(script)
    finally:
        db.close()


def shape(state: Path) -> list[tuple[object, ...]]:
    db = sqlite3.connect(state)
    try:
        version = db.execute("PRAGMA user_version").fetchall()
        triggers = db.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1").fetchall()
        return version + triggers + db.execute(SHAPE).fetchall()
    finally:
        db.close()

"""Compliance on the DIDHub face, over real HTTP: what is filed, reviewed, attached, lost, and never told."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.simulator.filing import (
    CONTENT,
    REVIEW,
    approve_bundle,
    bundle,
    document,
    end_user,
    file_bundle,
    file_items,
)
from tests.simulator.process import SimulatorProcess
from tests.simulator.shop import Json, Shop, code, outcomes

REQUIREMENTS = "/compliance/requirements?country={}&type={}&end_user={}"


def test_requirements_say_what_will_do_and_how_long_a_review_takes(shop: Shop) -> None:
    found = shop.get(REQUIREMENTS.format("NL", "geographic", "individual"))
    *others, residence = found.pop("requirements")
    assert found == {
        "id": "req_nl_geographic_individual",
        "country": "NL",
        "type": "geographic",
        "end_user": "individual",
        "review_hours": 24,
    }
    assert [other["subject"] for other in others] == ["end_user", "address"]
    assert residence == {
        "id": "residence",
        "subject": "document",
        "description": "Proof of the address, not older than three months",
        "accepts": ["utility_bill", "rental_contract"],
        "attributes": ["issued_on"],
        "media_types": ["application/pdf", "image/jpeg", "image/png"],
        "max_bytes": 5 << 20,
    }


def test_a_market_that_asks_for_nothing_says_so_and_one_that_is_not_sold_is_not_found(shop: Shop) -> None:
    assert shop.get(REQUIREMENTS.format("US", "geographic", "business"))["requirements"] == []
    assert code(shop.call("GET", REQUIREMENTS.format("US", "mobile", "business"))) == (404, "not_found")
    assert code(shop.call("GET", REQUIREMENTS.format("DE", "geographic", "robot"))) == (422, "invalid_request")


def test_what_was_created_is_found_by_its_reference_and_a_second_create_names_it(shop: Shop) -> None:
    assert shop.get("/compliance/items?reference=user") == {"items": []}
    user, license_, _ = file_items(shop)
    assert shop.get("/compliance/items?reference=user") == {
        "items": [{"id": user, "reference": "user", "kind": "end_user"}]
    }
    assert _taken(shop.call("POST", "/compliance/end-users", end_user())) == user
    assert _taken(shop.call("POST", "/compliance/documents", document("trade_license"))) == license_
    assert shop.get("/compliance/bundles?reference=bundle") == {"bundles": []}
    filed = _file_bundle_of(shop, [user, license_])
    assert shop.get("/compliance/bundles?reference=bundle") == {"bundles": [filed]}
    assert _taken(shop.call("POST", "/compliance/bundles", bundle([user]))) == filed["id"]


def test_each_upload_is_counted_and_its_content_kept_as_size_and_hash_only(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    file_bundle(shop)
    filed = [entry for entry in simulator.ledger(shop.account) if not entry["number"]]
    assert [(entry["kind"], entry["client_checkout_id"], entry["amount"]) for entry in filed] == [
        ("end_user", "user", "0.00"),
        ("document", "trade_license", "0.00"),
        ("document", "utility_bill", "0.00"),
        ("bundle", "bundle", "0.00"),
    ]
    kept = [paper for paper in simulator.control("GET", "papers") if paper["account"] == shop.account]
    assert [(paper["size"], paper["sha256"]) for paper in kept[1:]] == [(len(CONTENT), sha256(CONTENT).hexdigest())] * 2


def test_a_bundle_goes_from_draft_to_approved_and_its_numbers_come_provisioned(shop: Shop) -> None:
    filed = file_bundle(shop)
    path = f"/compliance/bundles/{filed['id']}"
    assert (filed["status"], filed["reasons"], filed["expires_at"]) == ("draft", [], None)
    assert shop.call("POST", f"{path}/evaluate").json() == {"missing": []}
    assert [shop.call("POST", f"{path}/submit").json()["status"] for _ in range(2)] == ["submitted"] * 2
    shop.simulator.control("POST", "clock", {"advance_seconds": REVIEW / 2})
    assert shop.get(path)["status"] == "in_review"
    shop.simulator.control("POST", "clock", {"advance_seconds": REVIEW / 2})
    approved = shop.get(path)
    assert approved == filed | {"status": "approved", "expires_at": approved["expires_at"]}
    item = _buy(shop, approved["id"])
    assert item["outcome"] == "provisioned"
    number = shop.get(f"/numbers/{item['number_id']}")
    assert (number["status"], number["bundle_id"]) == ("active", approved["id"])


def test_an_incomplete_bundle_says_what_is_missing_and_of_which_item(shop: Shop) -> None:
    bare = shop.call("POST", "/compliance/documents", document("trade_license", attributes={})).json()["id"]
    filed = _file_bundle_of(shop, [bare])
    path = f"/compliance/bundles/{filed['id']}"
    missing = shop.call("POST", f"{path}/evaluate").json()["missing"]
    assert [(lack["item"], lack["reason"]) for lack in missing] == [
        (None, "end_user_missing"),
        (bare, "attribute_missing"),
        (None, "document_missing"),
    ]
    assert code(shop.call("POST", f"{path}/submit")) == (422, "bundle_incomplete")


def test_a_waiting_number_is_active_by_itself_when_its_bundle_is_approved(shop: Shop) -> None:
    item = _buy(shop, None)
    assert item["outcome"] == "pending_documents"
    filed = file_bundle(shop)
    for _ in range(2):
        attached = shop.call("POST", f"/numbers/{item['number_id']}/bundle", {"bundle_id": filed["id"]})
        assert (attached.status_code, attached.json()["status"]) == (200, "pending_documents")
    shop.call("POST", f"/compliance/bundles/{filed['id']}/submit")
    shop.simulator.control("POST", "clock", {"advance_seconds": REVIEW})
    number = shop.get(f"/numbers/{item['number_id']}")
    assert (number["status"], number["documents_deadline"]) == ("active", None)


def test_a_review_is_rejected_for_a_document_corrected_and_approved(shop: Shop, simulator: SimulatorProcess) -> None:
    rule = {"fault": "review_rejected", "document": "utility_bill", "reason": "expired", "script": [1]}
    simulator.set_faults(rule)
    rejected = approve_bundle(shop)
    path = f"/compliance/bundles/{rejected['id']}"
    assert (rejected["status"], rejected["reasons"]) == (
        "rejected",
        [
            {
                "item": rejected["items"][2],
                "reason": "expired",
                "message": "the reviewer did not accept the utility_bill: expired",
            }
        ],
    )
    better = shop.call("POST", "/compliance/documents", document("utility_bill", "bill-2")).json()["id"]
    items = [*rejected["items"][:2], better]
    assert shop.call("PUT", f"{path}/items", {"items": items}).json()["status"] == "draft"
    shop.call("POST", f"{path}/submit")
    simulator.control("POST", "clock", {"advance_seconds": REVIEW})
    assert (shop.get(path)["status"], shop.get(path)["items"]) == ("approved", items)


@pytest.mark.parametrize(
    ("reason", "status", "number"),
    [(None, "approved", "active"), ("illegible", "rejected", "pending_documents")],
)
def test_a_test_may_decide_a_review_at_once(shop: Shop, reason: str | None, status: str, number: str) -> None:
    filed, item = file_bundle(shop), _buy(shop, None)
    shop.call("POST", f"/numbers/{item['number_id']}/bundle", {"bundle_id": filed["id"]})
    shop.call("POST", f"/compliance/bundles/{filed['id']}/submit")
    decision = {"account": shop.account, "reference": "bundle", "reason": reason, "document": "trade_license"}
    assert shop.simulator.control("POST", "bundles/decide", decision)["status"] == status
    assert shop.get(f"/numbers/{item['number_id']}")["status"] == number


@pytest.mark.parametrize(
    ("operation", "path", "find"),
    [
        ("end_user_create", "/compliance/end-users", "/compliance/items?reference=user"),
        ("document_create", "/compliance/documents", "/compliance/items?reference=trade_license"),
        ("bundle_create", "/compliance/bundles", "/compliance/bundles?reference=bundle"),
    ],
)
def test_a_create_whose_reply_was_lost_is_found_by_its_reference(
    shop: Shop, simulator: SimulatorProcess, operation: str, path: str, find: str
) -> None:
    body = {"end_user_create": end_user(), "document_create": document(), "bundle_create": bundle([])}[operation]
    simulator.set_faults({"fault": "reply_lost", "operations": [operation], "how": "close"})
    with pytest.raises(httpx.RemoteProtocolError):
        shop.call("POST", path, body)
    [found] = next(iter(shop.get(find).values()))
    simulator.set_faults()
    assert _taken(shop.call("POST", path, body)) == found["id"]
    assert len(simulator.ledger(shop.account)) == 1


def test_the_carrier_is_down_for_one_call_of_the_flow_and_not_for_the_next(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    simulator.set_faults({"fault": "server_error", "operations": ["document_create"], "script": [1]})
    assert code(shop.call("POST", "/compliance/documents", document())) == (503, "unavailable")
    assert shop.get("/compliance/items?reference=trade_license") == {"items": []}
    assert shop.call("POST", "/compliance/documents", document()).status_code == 201


MALFORMED: list[tuple[str, object]] = [
    ("/compliance/end-users", ["PLANTED"]),
    ("/compliance/end-users", end_user(type="PLANTED")),
    ("/compliance/end-users", end_user() | {"reference": {"PLANTED": "PLANTED"}}),
    ("/compliance/end-users", end_user(attributes="PLANTED")),
    ("/compliance/end-users", end_user(address={"street": ["PLANTED"]})),
    ("/compliance/documents", document("PLANTED")),
    ("/compliance/documents", document(content="PLANTED!")),
    ("/compliance/documents", document(content=["PLANTED"])),
    ("/compliance/documents", document(attributes={"document_number": 7, "name": "PLANTED"})),
    ("/compliance/documents", document(media_type=["PLANTED"])),
    ("/compliance/bundles", bundle([], contact="PLANTED")),
    ("/compliance/bundles", bundle([{"PLANTED": "PLANTED"}])),
    ("/compliance/bundles", bundle(["PLANTED"])),
    ("/compliance/bundles", bundle([], requirement_id="PLANTED")),
]


@pytest.mark.parametrize(("path", "body"), MALFORMED)
def test_what_cannot_be_read_is_refused_and_not_quoted(shop: Shop, path: str, body: object) -> None:
    reply = shop.call("POST", path, body)
    assert code(reply) == (422, "invalid_request")
    assert "PLANTED" not in reply.text
    assert shop.simulator.ledger(shop.account) == []


def test_nothing_that_was_filed_is_logged_shown_to_tests_or_in_any_reply(tmp_path: Path) -> None:
    with SimulatorProcess(state=tmp_path / "state.db") as simulator:
        shop = Shop(simulator, "customer")
        filed = approve_bundle(shop)
        for path, body in MALFORMED:
            shop.call("POST", path, body)
        shown = [
            *(
                shop.call("GET", f"/compliance/{path}").text
                for path in (f"bundles/{filed['id']}", "items?reference=user")
            ),
            *(str(simulator.control("GET", path)) for path in ("papers", "bundles", "ledger", "calls")),
            simulator.errors(),
        ]
        shop.close()
        simulator.stop()
        assert [text for text in shown if "PLANTED" in text] == []
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert CONTENT not in kept
        assert b"trade_license" in kept


@pytest.mark.parametrize("end", [SimulatorProcess.stop, SimulatorProcess.kill])
def test_what_was_filed_reviewed_and_attached_survives_a_restart(end: object) -> None:
    with SimulatorProcess() as simulator:
        shop = Shop(simulator, "customer")
        item, filed = _buy(shop, None), file_bundle(shop)
        shop.call("POST", f"/numbers/{item['number_id']}/bundle", {"bundle_id": filed["id"]})
        shop.call("POST", f"/compliance/bundles/{filed['id']}/submit")
        papers = simulator.control("GET", "papers")
        assert callable(end)
        end(simulator)
        simulator.restart()
        assert simulator.control("GET", "papers") == papers
        assert shop.get(f"/compliance/bundles/{filed['id']}") == filed | {"status": "submitted"}
        simulator.control("POST", "clock", {"advance_seconds": REVIEW})
        assert shop.get(f"/numbers/{item['number_id']}")["status"] == "active"
        shop.close()


def test_one_bundle_opens_numbers_order_after_order(shop: Shop, simulator: SimulatorProcess) -> None:
    approved = approve_bundle(shop)
    for key in ("a", "b", "c"):
        rows = shop.search("40", 5, country="DE")
        for row in rows:
            assert shop.put_into_cart(row, bundle=approved["id"]).status_code == 201
        assert set(outcomes(shop.checkout(key)).values()) == {"provisioned"}
    assert len(simulator.ledger(shop.account, "document")) == 2
    assert len(shop.owned()) == 15


def _file_bundle_of(shop: Shop, items: list[str]) -> Json:
    filed: Json = shop.call("POST", "/compliance/bundles", bundle(items)).json()
    return filed


def _buy(shop: Shop, bundle_id: str | None) -> Json:
    """One number of Berlin, with this bundle or none."""
    assert shop.put_into_cart(shop.search("30", 1, country="DE")[0], bundle=bundle_id).status_code == 201
    return shop.checkout("k")[0]


def _taken(reply: httpx.Response) -> str:
    assert code(reply) == (409, "reference_taken")
    return str(reply.json()["error"]["existing_id"])

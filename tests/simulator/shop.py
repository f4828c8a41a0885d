"""A customer of the sandbox, speaking plain DIDHub over HTTP: what the tests of the simulator buy with."""

from __future__ import annotations

from typing import Any

import httpx

from tests.simulator.process import SimulatorProcess

Json = dict[str, Any]


class Shop:
    """One account of its own. `call` answers with whatever came; the others want success."""

    def __init__(self, simulator: SimulatorProcess, account: str, balance: str = "1000.00") -> None:
        self.simulator = simulator
        self.account = account
        self.token = f"token-of-{account}"
        simulator.control("POST", "accounts", {"token": self.token, "id": account, "balance": balance})
        self._client = httpx.Client(
            base_url=f"{simulator.url}/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=20,
            verify=False,
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, path: str, json: object = None, timeout: float = 20) -> httpx.Response:
        return self._client.request(method, path, json=json, timeout=timeout)

    def get(self, path: str) -> Json:
        return _content(self.call("GET", path))

    def search(self, area_code: str = "415", limit: int = 25, **query: str) -> list[Json]:
        market = {"country": "US", "type": "geographic", "area_code": area_code, "limit": str(limit)} | query
        reply = self._client.get("/catalog/search", params=market)
        rows: list[Json] = _content(reply)["data"]
        return rows

    def put_into_cart(self, row: Json, reference: str | None = None, bundle: str | None = None) -> httpx.Response:
        body = {"select_token": row["select_token"], "snapshot": row["snapshot"], "reference": reference}
        return self.call("POST", "/cart/items", body | {"bundle_id": bundle})

    def stage(self, count: int, area_code: str = "415", **query: str) -> list[str]:
        """Search `count` numbers and put them into the cart; return them."""
        rows = self.search(area_code, count, **query)
        for row in rows:
            _content(self.put_into_cart(row))
        return [row["number"] for row in rows]

    def cart(self) -> list[str]:
        return [item["number"] for item in self.get("/cart")["items"]]

    def checkout(self, key: str) -> list[Json]:
        items: list[Json] = _content(self.call("POST", "/cart/checkout", {"client_checkout_id": key}))["items"]
        return items

    def owned(self) -> list[str]:
        return [number["number"] for number in self.simulator.owned(self.account)]

    def bought(self) -> list[str]:
        return [entry["number"] for entry in self.simulator.ledger(self.account, "purchase")]

    def listed(self) -> list[str]:
        return [number["number"] for number in self.get("/numbers?limit=250")["data"]]


def outcomes(items: list[Json]) -> dict[str, str]:
    return {item["number"]: item["outcome"] for item in items}


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


def _content(reply: httpx.Response) -> Json:
    assert reply.is_success, f"{reply.request.method} {reply.request.url}: {reply.status_code} {reply.text}"
    content: Json = reply.json()
    return content

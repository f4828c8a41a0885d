"""Who may call, and the money: accounts, their tokens, and the ledger of everything that was billed.

`balance` is always the opening balance less the sum of the ledger. Amounts in cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ringfleet.simulator.clock import Clock
from ringfleet.simulator.store import Store

OPENING_BALANCE = 100_000
CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    currency: str
    opening: int
    balance: int


class Kind(StrEnum):
    PURCHASE = "purchase"
    MONTHLY = "monthly"
    RELEASE = "release"
    END_USER = "end_user"
    DOCUMENT = "document"
    BUNDLE = "bundle"
    CALL = "call"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `key` is the client's key of the order that caused it.

    What is filed (end users, documents, bundles) costs nothing and has no number: its `key` is the client's reference.
    """

    id: int
    at: float
    account: str
    number: str
    kind: str
    amount: int
    key: str | None


class Accounts:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def open(self, token: str, account: str, balance: int | None, currency: str | None) -> Account:
        """Make the account, or bring an old one to this balance and currency; either way the token opens it."""
        old = self.get(account)
        if old is None:
            opening = OPENING_BALANCE if balance is None else balance
            self._store.write(
                "INSERT INTO accounts VALUES (?, ?, ?, ?)", account, currency or CURRENCY, opening, opening
            )
        else:
            paid_in = 0 if balance is None else balance - old.balance
            self._store.write(
                "UPDATE accounts SET currency = ?, opening = opening + ?, balance = balance + ? WHERE id = ?",
                currency or old.currency,
                paid_in,
                paid_in,
                account,
            )
        self._store.write(
            "INSERT INTO tokens VALUES (?, ?) ON CONFLICT DO UPDATE SET account = excluded.account", token, account
        )
        return self.find(account)

    def revoke(self, token: str) -> bool:
        known = self.of_token(token) is not None
        self._store.write("DELETE FROM tokens WHERE token = ?", token)
        return known

    def of_token(self, token: str) -> Account | None:
        row = self._store.row("SELECT a.* FROM accounts a JOIN tokens t ON t.account = a.id WHERE t.token = ?", token)
        return None if row is None else Account(*row)

    def all(self) -> list[Account]:
        return [Account(*row) for row in self._store.rows("SELECT * FROM accounts ORDER BY id")]

    def get(self, account: str) -> Account | None:
        row = self._store.row("SELECT * FROM accounts WHERE id = ?", account)
        return None if row is None else Account(*row)

    def find(self, account: str) -> Account:
        """Raises LookupError when there is no such account."""
        found = self.get(account)
        if found is None:
            raise LookupError(f"there is no account {account}")
        return found

    def bill(self, account: str, number: str, kind: Kind, amount: int, key: str | None = None) -> int:
        """Write the ledger and take the money, as one. Return the entry's id."""
        self._store.write("UPDATE accounts SET balance = balance - ? WHERE id = ?", amount, account)
        return self._store.write(
            "INSERT INTO ledger (at, account, number, kind, amount, key) VALUES (?, ?, ?, ?, ?, ?)",
            self._clock.now(),
            account,
            number,
            kind,
            amount,
            key,
        )

    def ledger(self, account: str | None = None) -> list[Entry]:
        """All entries, or those of one account, oldest first."""
        return [Entry(*row) for row in self._store.rows_of("ledger", account)]

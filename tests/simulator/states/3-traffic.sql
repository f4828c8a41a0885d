CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE accounts (
    id TEXT PRIMARY KEY, currency TEXT NOT NULL, opening INTEGER NOT NULL, balance INTEGER NOT NULL) STRICT;
CREATE TABLE tokens (token TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts) STRICT;
CREATE TABLE stock (
    country TEXT, type TEXT, code TEXT, content TEXT NOT NULL, PRIMARY KEY (country, type, code)) STRICT;
CREATE TABLE off_market (number TEXT PRIMARY KEY, until REAL) STRICT;
CREATE TABLE cart_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, basket TEXT NOT NULL, token TEXT NOT NULL, number TEXT NOT NULL,
    reference TEXT, monthly INTEGER NOT NULL, setup INTEGER NOT NULL, bundle INTEGER REFERENCES bundles,
    UNIQUE (basket, number)) STRICT;
CREATE TABLE order_items (
    account TEXT NOT NULL, key TEXT NOT NULL, cart_item INTEGER NOT NULL, number TEXT NOT NULL, token TEXT NOT NULL,
    monthly INTEGER NOT NULL, setup INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT, message TEXT,
    number_id INTEGER, entry INTEGER, renews_at REAL, documents_deadline REAL,
    PRIMARY KEY (account, key, cart_item)) STRICT;
CREATE TABLE profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, reference TEXT NOT NULL, content TEXT NOT NULL,
    UNIQUE (account, reference)) STRICT;
CREATE TABLE papers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL REFERENCES accounts, reference TEXT NOT NULL,
    kind TEXT NOT NULL, type TEXT NOT NULL, attributes TEXT NOT NULL, address TEXT NOT NULL, media_type TEXT,
    size INTEGER NOT NULL, sha256 TEXT, UNIQUE (account, reference)) STRICT;
CREATE TABLE bundles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL REFERENCES accounts, reference TEXT NOT NULL,
    regulation TEXT NOT NULL, contact TEXT NOT NULL, papers TEXT NOT NULL, stage TEXT NOT NULL, reasons TEXT NOT NULL,
    submitted_at REAL, due_at REAL, decided_at REAL, expires_at REAL, UNIQUE (account, reference)) STRICT;
CREATE INDEX bundles_by_decision ON bundles (due_at) WHERE stage = 'submitted';
CREATE TABLE numbers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL UNIQUE, account TEXT NOT NULL REFERENCES accounts,
    country TEXT NOT NULL, type TEXT NOT NULL, area_code TEXT, region TEXT, capabilities TEXT NOT NULL,
    monthly INTEGER NOT NULL, setup INTEGER NOT NULL, reference TEXT, profile INTEGER REFERENCES profiles,
    purchased_at REAL NOT NULL, renews_at REAL NOT NULL, active_at REAL NOT NULL, documents_deadline REAL,
    suspended INTEGER NOT NULL DEFAULT 0, bundle INTEGER REFERENCES bundles,
    attestation TEXT NOT NULL DEFAULT 'A') STRICT;
CREATE INDEX numbers_of_account ON numbers (account, id);
CREATE INDEX numbers_by_renewal ON numbers (renews_at);
CREATE INDEX numbers_by_deadline ON numbers (documents_deadline) WHERE documents_deadline IS NOT NULL;
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, account TEXT NOT NULL, number TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (
        kind IN ('purchase', 'monthly', 'release', 'end_user', 'document', 'bundle', 'call', 'message')),
    amount INTEGER NOT NULL, key TEXT) STRICT;
CREATE INDEX ledger_of_account ON ledger (account, id);
CREATE TRIGGER ledger_is_never_changed BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER ledger_is_never_cut BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TABLE traffic (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, number TEXT NOT NULL, peer TEXT NOT NULL,
    kind TEXT NOT NULL, outbound INTEGER NOT NULL, at REAL NOT NULL, answered INTEGER NOT NULL,
    seconds INTEGER NOT NULL, pick TEXT) STRICT;
CREATE INDEX traffic_of_number ON traffic (number, kind, outbound, at);
CREATE TABLE labels (
    number TEXT PRIMARY KEY, label TEXT NOT NULL, since REAL NOT NULL, busy_at REAL NOT NULL) STRICT;
CREATE TABLE webhooks (
    account TEXT PRIMARY KEY REFERENCES accounts, url TEXT NOT NULL, secret TEXT NOT NULL) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, type TEXT NOT NULL, number TEXT NOT NULL,
    at REAL NOT NULL, data TEXT NOT NULL, ripe_at REAL NOT NULL, retry_at REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX events_to_deliver ON events (ripe_at, id) WHERE NOT delivered;
PRAGMA user_version = 3;

CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, currency TEXT NOT NULL, opening INTEGER NOT NULL, balance INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts) STRICT;
CREATE TABLE IF NOT EXISTS stock (
    country TEXT, type TEXT, code TEXT, content TEXT NOT NULL, PRIMARY KEY (country, type, code)) STRICT;
CREATE TABLE IF NOT EXISTS off_market (number TEXT PRIMARY KEY, until REAL) STRICT;
CREATE TABLE IF NOT EXISTS cart_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, basket TEXT NOT NULL, token TEXT NOT NULL, number TEXT NOT NULL,
    reference TEXT, monthly INTEGER NOT NULL, setup INTEGER NOT NULL, UNIQUE (basket, number)) STRICT;
CREATE TABLE IF NOT EXISTS order_items (
    account TEXT NOT NULL, key TEXT NOT NULL, cart_item INTEGER NOT NULL, number TEXT NOT NULL, token TEXT NOT NULL,
    monthly INTEGER NOT NULL, setup INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT, message TEXT,
    number_id INTEGER, entry INTEGER, renews_at REAL, documents_deadline REAL,
    PRIMARY KEY (account, key, cart_item)) STRICT;
CREATE TABLE IF NOT EXISTS profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, reference TEXT NOT NULL, content TEXT NOT NULL,
    UNIQUE (account, reference)) STRICT;
CREATE TABLE IF NOT EXISTS numbers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL UNIQUE, account TEXT NOT NULL REFERENCES accounts,
    country TEXT NOT NULL, type TEXT NOT NULL, area_code TEXT, region TEXT, capabilities TEXT NOT NULL,
    monthly INTEGER NOT NULL, setup INTEGER NOT NULL, reference TEXT, profile INTEGER REFERENCES profiles,
    purchased_at REAL NOT NULL, renews_at REAL NOT NULL, active_at REAL NOT NULL, documents_deadline REAL,
    suspended INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS numbers_of_account ON numbers (account, id);
CREATE INDEX IF NOT EXISTS numbers_by_renewal ON numbers (renews_at);
CREATE INDEX IF NOT EXISTS numbers_by_deadline ON numbers (documents_deadline) WHERE documents_deadline IS NOT NULL;
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, account TEXT NOT NULL, number TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('purchase', 'monthly', 'release')), amount INTEGER NOT NULL,
    key TEXT) STRICT;
CREATE INDEX IF NOT EXISTS ledger_of_account ON ledger (account, id);
CREATE TRIGGER IF NOT EXISTS ledger_is_never_changed BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER IF NOT EXISTS ledger_is_never_cut BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;

-- From tables that each pick writes to a journal that each pick is appended to, and tables that it is folded into. Old
-- picks are entries of the journal under their own ids; the answers of the last day are copied by `answers.py`.

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY, set_id INTEGER NOT NULL, kind INTEGER NOT NULL, number INTEGER NOT NULL,
  recipient BLOB NOT NULL, at REAL NOT NULL, day INTEGER NOT NULL, counted INTEGER NOT NULL, once BLOB,
  detail BLOB NOT NULL, state INTEGER NOT NULL DEFAULT 0
);
INSERT INTO journal (seq, set_id, kind, number, recipient, at, day, counted, once, detail, state)
SELECT id, set_id, 1, number, recipient, at, day, counted AND state != 1, NULL, x'80', state FROM pick;
DROP TABLE pick;

ALTER TABLE replay RENAME TO old_replay;
CREATE TABLE replay (key BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX replay_age ON replay (seq);

CREATE TABLE roster (set_id INTEGER PRIMARY KEY, day INTEGER NOT NULL);
CREATE TABLE roster_member (
  set_id INTEGER NOT NULL, number INTEGER NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (set_id, number)
) WITHOUT ROWID;
CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

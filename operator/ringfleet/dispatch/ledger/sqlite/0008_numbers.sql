-- What carriers tell of a number is told by the account that owns it, and holds for that account.

ALTER TABLE label RENAME TO old_label;
CREATE TABLE label (
  number INTEGER NOT NULL, account TEXT NOT NULL, label TEXT NOT NULL, labelled REAL, cleared REAL,
  PRIMARY KEY (number, account)
) WITHOUT ROWID;
INSERT INTO label (number, account, label, labelled, cleared) SELECT number, '', label, labelled, cleared FROM old_label;
DROP TABLE old_label;
CREATE TABLE activity (
  number INTEGER NOT NULL, account TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (number, account)
) WITHOUT ROWID;
-- What carriers have told, and somebody else is to be told: until it was.
CREATE TABLE outbox (id INTEGER PRIMARY KEY, at REAL NOT NULL, entry BLOB NOT NULL);

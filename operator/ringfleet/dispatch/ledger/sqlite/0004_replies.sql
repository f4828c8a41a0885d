-- Who has called or written to which number of ours, and when; replies by the hour.

CREATE TABLE heard (
  recipient BLOB NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (recipient, number)
) WITHOUT ROWID;
CREATE INDEX heard_age ON heard (at);
ALTER TABLE traffic ADD COLUMN replies INTEGER NOT NULL DEFAULT 0;

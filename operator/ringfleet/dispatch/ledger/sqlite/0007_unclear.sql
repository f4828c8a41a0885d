-- Messages that may ask to be left alone, for a person to read.

CREATE TABLE unclear (
  set_key TEXT NOT NULL, account TEXT NOT NULL, event TEXT NOT NULL, message TEXT NOT NULL,
  number INTEGER NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (set_key, account, event)
) WITHOUT ROWID;
CREATE INDEX unclear_age ON unclear (at);

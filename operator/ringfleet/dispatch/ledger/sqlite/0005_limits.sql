-- What is used of limits that several sets share, by the hour or minute.

CREATE TABLE shared_use (
  name TEXT NOT NULL, at INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (name, at)
) WITHOUT ROWID;
CREATE INDEX shared_use_age ON shared_use (at);

-- Masked sessions: who is in them as keyed hashes, with the real numbers sealed.

CREATE TABLE proxy_session (
  id BLOB PRIMARY KEY, service TEXT NOT NULL, name TEXT, state INTEGER NOT NULL, created REAL NOT NULL, last REAL NOT NULL,
  ended REAL, interactions INTEGER NOT NULL, terms BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE proxy_leg (
  session BLOB NOT NULL, place INTEGER NOT NULL, person BLOB NOT NULL, number INTEGER NOT NULL, account TEXT NOT NULL,
  geo TEXT NOT NULL, sealed BLOB NOT NULL, joined REAL NOT NULL, open INTEGER NOT NULL, rests REAL,
  PRIMARY KEY (session, place)
) WITHOUT ROWID;
-- Of one participant, no two sessions are open under one number: it would not be known for which of them a call is.
CREATE UNIQUE INDEX proxy_leg_open ON proxy_leg (person, number) WHERE open = 1;
CREATE TABLE proxy_interaction (
  id BLOB PRIMARY KEY, session BLOB NOT NULL, at REAL NOT NULL, place INTEGER NOT NULL, channel TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX proxy_interaction_age ON proxy_interaction (at);
CREATE TABLE proxy_replay (key BLOB PRIMARY KEY, at REAL NOT NULL, fingerprint BLOB NOT NULL, answer BLOB NOT NULL)
WITHOUT ROWID;
CREATE INDEX proxy_replay_age ON proxy_replay (at);

-- Masked sessions: who is in them as keyed hashes, with the real numbers sealed.

CREATE TABLE proxy_session (
  id bytea PRIMARY KEY, service text NOT NULL, name text, state smallint NOT NULL, created double precision NOT NULL,
  last double precision NOT NULL, ended double precision, interactions bigint NOT NULL, terms bytea NOT NULL
);
CREATE TABLE proxy_leg (
  session bytea NOT NULL, place smallint NOT NULL, person bytea NOT NULL, number bigint NOT NULL, account text NOT NULL,
  geo text NOT NULL, sealed bytea NOT NULL, joined double precision NOT NULL, open smallint NOT NULL,
  rests double precision, PRIMARY KEY (session, place)
);
-- Of one participant, no two sessions are open under one number: it would not be known for which of them a call is.
CREATE UNIQUE INDEX proxy_leg_open ON proxy_leg (person, number) WHERE open = 1;
CREATE TABLE proxy_interaction (
  id bytea PRIMARY KEY, session bytea NOT NULL, at double precision NOT NULL, place smallint NOT NULL,
  channel text NOT NULL
);
CREATE INDEX proxy_interaction_age ON proxy_interaction (at);
CREATE TABLE proxy_replay (
  key bytea PRIMARY KEY, at double precision NOT NULL, fingerprint bytea NOT NULL, answer bytea NOT NULL
);
CREATE INDEX proxy_replay_age ON proxy_replay (at);

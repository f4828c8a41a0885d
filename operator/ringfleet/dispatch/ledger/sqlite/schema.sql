-- The ledger's tables in SQLite. Numbers are their digits as integers; recipients are keyed hashes of 16 bytes; times are
-- POSIX seconds; days are ordinals in the set's zone and hours are counted from the epoch (see values.py).
-- A table that grows with the traffic and is forgotten by age has rows in the order of their coming, or an index by age.

CREATE TABLE rotation_set (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);

CREATE TABLE seat (
  set_id INTEGER NOT NULL, number INTEGER NOT NULL,
  day INTEGER NOT NULL, used INTEGER NOT NULL, hour INTEGER NOT NULL, in_hour INTEGER NOT NULL, last REAL NOT NULL,
  PRIMARY KEY (set_id, number)
) WITHOUT ROWID;

-- A recipient's number. times: little-endian doubles, the last contact of any kind and then the latest that counted;
-- last: the same to the second, for forgetting.
CREATE TABLE contact (
  set_id INTEGER NOT NULL, recipient BLOB NOT NULL, number INTEGER, last INTEGER NOT NULL, times BLOB NOT NULL,
  PRIMARY KEY (set_id, recipient)
) WITHOUT ROWID;

-- state: 0 made, 1 given back, 2 told of by the carrier. counted: 0 for replies.
CREATE TABLE pick (
  id INTEGER PRIMARY KEY, set_id INTEGER NOT NULL, number INTEGER NOT NULL, recipient BLOB NOT NULL, at REAL NOT NULL,
  day INTEGER NOT NULL, counted INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0
);

-- What was answered to a request, in the order of coming; replay finds it by a hash of the set and the request's key.
CREATE TABLE answer (
  id INTEGER PRIMARY KEY, key BLOB NOT NULL, at REAL NOT NULL, fingerprint BLOB NOT NULL, answer BLOB NOT NULL
);
CREATE TABLE replay (key BLOB PRIMARY KEY, answer INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE deferral (
  id INTEGER PRIMARY KEY, set_id INTEGER NOT NULL, number INTEGER NOT NULL, recipient BLOB NOT NULL, day INTEGER NOT NULL,
  not_before REAL NOT NULL, since REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX deferral_waiting ON deferral (set_id, day, not_before, id) WHERE used = 0;
CREATE INDEX deferral_room ON deferral (set_id, number) WHERE used = 0;
CREATE INDEX deferral_age ON deferral (not_before);

-- by_word: 1 for what a message of the recipient's has said, and another one may take back.
CREATE TABLE suppression (
  scope TEXT NOT NULL, recipient BLOB NOT NULL, since REAL NOT NULL, reason TEXT NOT NULL, by_word INTEGER NOT NULL,
  PRIMARY KEY (recipient, scope)
) WITHOUT ROWID;
CREATE INDEX suppression_scope ON suppression (scope, recipient);

CREATE TABLE event (account TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, UNIQUE (account, id));

-- What was told of one call. started, answered, ended: when, NULL for not told.
CREATE TABLE call (
  account TEXT NOT NULL, subject TEXT NOT NULL, number INTEGER NOT NULL, started REAL, answered REAL, ended REAL,
  UNIQUE (account, subject)
);
CREATE INDEX call_open ON call (number) WHERE ended IS NULL;

CREATE TABLE traffic (
  number INTEGER NOT NULL, hour INTEGER NOT NULL, calls INTEGER NOT NULL DEFAULT 0, answered INTEGER NOT NULL DEFAULT 0,
  seconds INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0, received INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (number, hour)
) WITHOUT ROWID;
CREATE INDEX traffic_age ON traffic (hour);

CREATE TABLE label (number INTEGER PRIMARY KEY, label TEXT NOT NULL, labelled REAL, cleared REAL);

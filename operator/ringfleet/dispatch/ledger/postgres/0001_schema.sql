-- The ledger's tables. Numbers are their digits; recipients are keyed hashes of 16 bytes; times are POSIX seconds; days
-- are ordinals in the set's zone, and hours are counted from the epoch (see values.py).

-- The roster that holds for a set: of which day, and a digest of its members, so that the same one again costs nothing.
CREATE TABLE roster (
  set_ text PRIMARY KEY,
  day integer NOT NULL,
  digest text NOT NULL
);

-- A number that is in the set (`listed`), or was: it keeps its counts. `used` counts on `day`, `in_hour` in `hour`; both
-- stand for 0 on any later one, so nothing is ever reset. `booked`: room put aside, by day. All that a cap is compared
-- with is in this one row, so locking it makes the comparison exact.
--
-- Each pick writes one of few rows: half of each page is left free so that the new version finds room beside the old
-- one, and dead versions are cleared away early.
CREATE TABLE member (
  set_ text NOT NULL,
  number bigint NOT NULL,
  listed boolean NOT NULL,
  account text NOT NULL,
  tiers text[] NOT NULL,
  home integer NOT NULL,
  daily integer NOT NULL,
  hourly integer NOT NULL,
  daily_tomorrow integer NOT NULL,
  concurrent integer,
  state text NOT NULL,
  day integer NOT NULL DEFAULT 0,
  used integer NOT NULL DEFAULT 0,
  hour bigint NOT NULL DEFAULT 0,
  in_hour integer NOT NULL DEFAULT 0,
  last double precision NOT NULL DEFAULT 0,
  booked jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (set_, number)
) WITH (
  fillfactor = 50,
  autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_scale_factor = 0.2,
  autovacuum_vacuum_cost_delay = 0
);

-- No index has a column that a pick writes: so a pick's new version is found through the old entries (HOT), and the old
-- version is cleared away by whoever next comes to its page, without waiting for a vacuum.
CREATE INDEX member_home ON member (set_, home) WHERE listed AND state = 'active';

-- The homes (digests of `tiers`) that a place has members of, ascending.
CREATE TABLE tier (
  set_ text NOT NULL,
  tier text NOT NULL,
  homes integer[] NOT NULL,
  PRIMARY KEY (set_, tier)
);

-- A recipient's number, and the times of the latest contacts that count, oldest first.
CREATE TABLE contact (
  set_ text NOT NULL,
  recipient bytea NOT NULL,
  number bigint,
  last double precision NOT NULL,
  recent double precision[] NOT NULL,
  PRIMARY KEY (set_, recipient)
) WITH (fillfactor = 80);

-- state: 0 made, 1 given back, 2 told of by the carrier. Not counted: replies.
CREATE TABLE pick (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  set_ text NOT NULL,
  number bigint NOT NULL,
  recipient bytea NOT NULL,
  at double precision NOT NULL,
  day integer NOT NULL,
  counted boolean NOT NULL,
  state smallint NOT NULL DEFAULT 0
);
CREATE INDEX pick_at ON pick USING brin (at);

-- Answers, for their replay.
CREATE TABLE replay (
  set_ text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  kind text NOT NULL,
  answer jsonb NOT NULL,
  at double precision NOT NULL,
  PRIMARY KEY (set_, key)
);
CREATE INDEX replay_at ON replay USING brin (at);

CREATE TABLE deferral (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  set_ text NOT NULL,
  number bigint NOT NULL,
  recipient bytea NOT NULL,
  day integer NOT NULL,
  not_before double precision NOT NULL,
  since double precision NOT NULL,
  used boolean NOT NULL DEFAULT false
);
CREATE INDEX deferral_waiting ON deferral (set_, day, not_before, id) WHERE NOT used;

CREATE TABLE suppression (
  scope text NOT NULL,
  recipient bytea NOT NULL,
  since double precision NOT NULL,
  reason text NOT NULL,
  by_word boolean NOT NULL,
  PRIMARY KEY (recipient, scope)
);
CREATE INDEX suppression_scope ON suppression (scope, recipient);

CREATE TABLE event (
  account text NOT NULL,
  id text NOT NULL,
  at double precision NOT NULL,
  PRIMARY KEY (account, id)
);
CREATE INDEX event_at ON event USING brin (at);

-- What was told of one call: when it started, was answered, ended; NULL for not told. `timed`: its length is counted.
CREATE TABLE call (
  account text NOT NULL,
  subject text NOT NULL,
  number bigint NOT NULL,
  outbound boolean NOT NULL,
  started double precision,
  answered double precision,
  ended double precision,
  timed boolean NOT NULL DEFAULT false,
  PRIMARY KEY (account, subject)
);
CREATE INDEX call_open ON call (number) WHERE ended IS NULL;
CREATE INDEX call_at ON call USING brin (coalesce(ended, answered, started));

CREATE TABLE traffic (
  number bigint NOT NULL,
  hour bigint NOT NULL,
  calls integer NOT NULL DEFAULT 0,
  answered integer NOT NULL DEFAULT 0,
  seconds integer NOT NULL DEFAULT 0,
  messages integer NOT NULL DEFAULT 0,
  delivered integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  received integer NOT NULL DEFAULT 0,
  PRIMARY KEY (number, hour)
) WITH (fillfactor = 50);

-- `shown`: carriers or analytics show the label now.
CREATE TABLE label (
  number bigint PRIMARY KEY,
  label text NOT NULL,
  labelled double precision,
  cleared double precision,
  shown boolean NOT NULL GENERATED ALWAYS AS (labelled IS NOT NULL AND labelled > coalesce(cleared, 0)) STORED
);
CREATE INDEX label_shown ON label (number) WHERE shown;

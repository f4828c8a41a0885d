-- From functions that decide to rows that an owner has decided. One process at a time owns the ledger; it appends what it
-- decides to the journal, and folds that into the tables by key.

DROP FUNCTION pick(
  text, bytea, bytea[], double precision, integer, double precision, double precision, text[], text[], text, text, bytea,
  boolean, text, double precision, double precision, integer, double precision, boolean, boolean, bigint, integer,
  double precision, bigint, boolean
);
DROP FUNCTION give_back(text, bigint, integer);
DROP FUNCTION with_contact(double precision[], double precision, integer);
DROP FUNCTION remaining(text, integer);
DROP FUNCTION lock_room(text, bigint[], integer, integer, bigint, boolean);
DROP FUNCTION use_least(text, text, text, boolean, integer, double precision);
DROP FUNCTION use_member(
  text, bigint, text, boolean, boolean, integer, integer, double precision, integer, integer
);
DROP FUNCTION standings(
  text, bigint, bigint, text[], text, boolean, bigint, integer, double precision, double precision, double precision,
  integer
);
DROP FUNCTION open_calls(bigint, double precision);
DROP FUNCTION place_of(integer, integer, integer);
DROP FUNCTION within_caps(member, integer, bigint, integer);
DROP FUNCTION with_booked(jsonb, integer, integer);
DROP FUNCTION booked_on(jsonb, integer);
DROP FUNCTION lock_recipient(text, bytea[]);
DROP FUNCTION lock_key(text, text);
DROP FUNCTION lock_set(text, boolean);
DROP FUNCTION enlist(text, integer, jsonb);
DROP FUNCTION ingest(jsonb);
DROP FUNCTION allow(text, bytea[]);
DROP FUNCTION suppress(text[], bytea[], double precision[], text[], boolean[]);

-- Who decides. `token`: drawn anew by each who takes it, at random: a counter could repeat after a failover. `wishes`: how
-- many there have been; each is ordered before or after each group by the lock of this row.
CREATE TABLE owner (
  sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
  token uuid NOT NULL,
  address text NOT NULL,
  beat timestamptz NOT NULL,
  wishes bigint NOT NULL
);
INSERT INTO owner (token, address, beat, wishes) VALUES (gen_random_uuid(), '', '-infinity', 0);
CREATE TABLE wish (number bigint PRIMARY KEY, entry bytea NOT NULL);
-- What carriers tell another replica than the owner, in no order; the owner takes it from here.
CREATE TABLE inbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entry bytea NOT NULL);
CREATE TABLE progress (name text PRIMARY KEY, value bigint NOT NULL);

CREATE TABLE rotation_set (id integer PRIMARY KEY, key text NOT NULL UNIQUE);
INSERT INTO rotation_set (id, key)
SELECT row_number() OVER (ORDER BY key), key FROM (
  SELECT set_ FROM roster UNION SELECT set_ FROM member UNION SELECT set_ FROM contact UNION SELECT set_ FROM pick
  UNION SELECT set_ FROM deferral UNION SELECT set_ FROM replay
) AS found (key);

-- Counts. A number that left half of each page free has no reason to any more: they are written when they are folded.
CREATE TABLE seat (
  set_id integer NOT NULL, number bigint NOT NULL, day integer NOT NULL, used integer NOT NULL, hour integer NOT NULL,
  in_hour integer NOT NULL, last double precision NOT NULL, PRIMARY KEY (set_id, number)
);
INSERT INTO seat (set_id, number, day, used, hour, in_hour, last)
SELECT s.id, m.number, m.day, m.used, m.hour, m.in_hour, m.last FROM member m JOIN rotation_set s ON s.key = m.set_;

ALTER TABLE roster RENAME TO old_roster;
ALTER TABLE old_roster RENAME CONSTRAINT roster_pkey TO old_roster_pkey;
CREATE TABLE roster (set_id integer PRIMARY KEY, day integer NOT NULL);
INSERT INTO roster (set_id, day) SELECT s.id, r.day FROM old_roster r JOIN rotation_set s ON s.key = r.set_;
CREATE TABLE roster_member (
  set_id integer NOT NULL, number bigint NOT NULL, entry bytea NOT NULL, PRIMARY KEY (set_id, number)
);
INSERT INTO roster_member (set_id, number, entry)
SELECT s.id, m.number, convert_to(jsonb_build_object(
  'number', '+' || m.number, 'account', m.account, 'tiers', to_jsonb(m.tiers), 'daily', m.daily, 'hourly', m.hourly,
  'daily_tomorrow', m.daily_tomorrow, 'concurrent', m.concurrent, 'state', m.state
)::text, 'UTF8')
FROM member m JOIN rotation_set s ON s.key = m.set_ WHERE m.listed;
DROP TABLE member, old_roster, tier;

-- times: little-endian doubles, the last contact of any kind and then the latest that counted; float8send is big-endian.
ALTER TABLE contact RENAME TO old_contact;
CREATE TABLE contact (
  set_id integer NOT NULL, recipient bytea NOT NULL, number bigint, last bigint NOT NULL, times bytea NOT NULL
);
INSERT INTO contact (set_id, recipient, number, last, times)
SELECT s.id, c.recipient, c.number, floor(c.last)::bigint, (
  SELECT string_agg(substring(float8send(t.moment) FROM byte FOR 1), ''::bytea ORDER BY t.place, byte DESC)
  FROM unnest(c.last || c.recent) WITH ORDINALITY AS t (moment, place), generate_series(1, 8) AS byte
)
FROM old_contact c JOIN rotation_set s ON s.key = c.set_;
DROP TABLE old_contact;
ALTER TABLE contact ADD PRIMARY KEY (set_id, recipient);
CREATE INDEX contact_age ON contact (last);

CREATE TABLE journal (
  seq bigint NOT NULL, set_id integer NOT NULL, kind smallint NOT NULL, number bigint NOT NULL, recipient bytea NOT NULL,
  at double precision NOT NULL, day integer NOT NULL, counted smallint NOT NULL, once bytea, detail bytea NOT NULL,
  state smallint NOT NULL DEFAULT 0
);
INSERT INTO journal (seq, set_id, kind, number, recipient, at, day, counted, once, detail, state)
SELECT p.id, s.id, 1, p.number, p.recipient, p.at, p.day, (p.counted AND p.state <> 1)::integer, NULL, '\x80', p.state
FROM pick p JOIN rotation_set s ON s.key = p.set_;

DROP TABLE pick;
ALTER TABLE journal ADD PRIMARY KEY (seq);

-- The answers of the last day are copied by `answers.py`, which knows by what they are found.
ALTER TABLE replay RENAME TO old_replay;
ALTER TABLE old_replay RENAME CONSTRAINT replay_pkey TO old_replay_pkey;
CREATE TABLE replay (key bytea PRIMARY KEY, seq bigint NOT NULL);

ALTER TABLE deferral RENAME TO old_deferral;
ALTER TABLE old_deferral RENAME CONSTRAINT deferral_pkey TO old_deferral_pkey;
CREATE TABLE deferral (
  id bigint PRIMARY KEY, set_id integer NOT NULL, number bigint NOT NULL, recipient bytea NOT NULL, day integer NOT NULL,
  not_before double precision NOT NULL, since double precision NOT NULL, used smallint NOT NULL
);
INSERT INTO deferral (id, set_id, number, recipient, day, not_before, since, used)
SELECT d.id, s.id, d.number, d.recipient, d.day, d.not_before, d.since, d.used::integer
FROM old_deferral d JOIN rotation_set s ON s.key = d.set_;
DROP TABLE old_deferral;
CREATE INDEX deferral_age ON deferral (not_before);

ALTER TABLE call DROP COLUMN outbound, DROP COLUMN timed;
DROP INDEX label_shown;
ALTER TABLE label DROP COLUMN shown;
CREATE INDEX traffic_age ON traffic (hour);

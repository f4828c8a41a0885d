-- Who has called or written to which number of ours, and when; replies by the hour.

CREATE TABLE heard (
  recipient bytea NOT NULL, number bigint NOT NULL, at double precision NOT NULL, PRIMARY KEY (recipient, number)
);
CREATE INDEX heard_age ON heard (at);
ALTER TABLE traffic ADD COLUMN replies integer NOT NULL DEFAULT 0;

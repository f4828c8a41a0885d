-- Who has written what waits to be passed on: so that it can be forgotten with that person.

ALTER TABLE outbox ADD COLUMN recipient bytea NOT NULL DEFAULT ''::bytea;
CREATE INDEX outbox_of_recipient ON outbox (recipient) WHERE recipient <> ''::bytea;

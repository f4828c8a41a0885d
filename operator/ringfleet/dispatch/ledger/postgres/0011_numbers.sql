-- What carriers tell of a number is told by the account that owns it, and holds for that account.

ALTER TABLE label ADD COLUMN account text NOT NULL DEFAULT '';
ALTER TABLE label ALTER COLUMN account DROP DEFAULT, DROP CONSTRAINT label_pkey, ADD PRIMARY KEY (number, account);
CREATE TABLE activity (
  number bigint NOT NULL, account text NOT NULL, first bigint NOT NULL, last bigint NOT NULL,
  PRIMARY KEY (number, account)
);
-- What carriers have told, and somebody else is to be told: until it was.
CREATE TABLE outbox (id bigint PRIMARY KEY, at double precision NOT NULL, entry bytea NOT NULL);

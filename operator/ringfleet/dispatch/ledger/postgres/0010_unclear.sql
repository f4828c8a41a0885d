-- Messages that may ask to be left alone, for a person to read.

CREATE TABLE unclear (
  set_key text NOT NULL, account text NOT NULL, event text NOT NULL, message text NOT NULL,
  number bigint NOT NULL, at double precision NOT NULL,
  PRIMARY KEY (set_key, account, event)
);
CREATE INDEX unclear_age ON unclear (at);

-- What is used of limits that several sets share, by the hour or minute.

CREATE TABLE shared_use (name text NOT NULL, at bigint NOT NULL, used bigint NOT NULL, PRIMARY KEY (name, at));
CREATE INDEX shared_use_age ON shared_use (at);

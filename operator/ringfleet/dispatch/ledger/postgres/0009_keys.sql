-- By which keys recipients are hashed; and an opt-out that is written under several hashes is listed once.

CREATE TABLE hash_key (check_value bytea PRIMARY KEY, name text NOT NULL);
ALTER TABLE suppression ADD COLUMN alias_of bytea;

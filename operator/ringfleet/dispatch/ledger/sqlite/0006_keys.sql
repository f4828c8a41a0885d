-- By which keys recipients are hashed; and an opt-out that is written under several hashes is listed once.

CREATE TABLE hash_key (check_value BLOB PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
ALTER TABLE suppression ADD COLUMN alias_of BLOB;

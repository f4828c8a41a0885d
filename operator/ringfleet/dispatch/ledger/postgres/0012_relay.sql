-- The outbox has a queue for each target: what waits for one holds up no other.

ALTER TABLE outbox ADD COLUMN target text NOT NULL DEFAULT '';
CREATE INDEX outbox_of_target ON outbox (target, id);

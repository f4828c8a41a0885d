-- Until when the room of a deferral is kept, by which key it was asked for, and the terms of a set.

ALTER TABLE deferral ADD COLUMN lapses double precision NOT NULL DEFAULT 0, ADD COLUMN key text;
UPDATE deferral SET lapses = not_before + 7200;
ALTER TABLE roster ADD COLUMN terms bytea;

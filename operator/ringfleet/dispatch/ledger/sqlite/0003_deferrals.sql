-- Until when the room of a deferral is kept, by which key it was asked for, and the terms of a set.

ALTER TABLE deferral ADD COLUMN lapses REAL NOT NULL DEFAULT 0;
ALTER TABLE deferral ADD COLUMN key TEXT;
UPDATE deferral SET lapses = not_before + 7200;
ALTER TABLE roster ADD COLUMN terms BLOB;

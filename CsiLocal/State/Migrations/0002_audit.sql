-- What a call was about by name, too: the row may be gone by the time somebody asks. What it reads from: a snapshot's or clone's source.
ALTER TABLE operations ADD COLUMN name TEXT;
ALTER TABLE operations ADD COLUMN source TEXT;

CREATE INDEX operations_by_source ON operations (source, id) WHERE source IS NOT NULL;

-- The call that brought a change about; without one the daemon itself did.
ALTER TABLE events ADD COLUMN operation_id INTEGER;

CREATE INDEX events_by_operation ON events (operation_id) WHERE operation_id IS NOT NULL;

-- What a command was run for where it served no call (recovery).
ALTER TABLE commands ADD COLUMN target TEXT;

CREATE INDEX commands_by_target ON commands (target, id) WHERE target IS NOT NULL;

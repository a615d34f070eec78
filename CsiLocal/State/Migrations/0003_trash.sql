-- Deleted volumes within their grace time: what an undelete needs, so the columns of volumes, and when and how they are erased.
CREATE TABLE trash (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    trash_id        TEXT NOT NULL UNIQUE CHECK (length(trash_id) = 21 AND trash_id GLOB 't*'),
    deleted_at      TEXT NOT NULL CHECK (deleted_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z'),
    deadline        TEXT NOT NULL CHECK (deadline GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z'),
    erase           TEXT NOT NULL CHECK (erase IN ('Discard', 'Zero', 'Random', 'None')),
    erasing         INTEGER NOT NULL CHECK (erasing IN (0, 1)),
    restore_as      TEXT,
    id              TEXT NOT NULL CHECK (length(id) = 21 AND id GLOB 'v*'),
    name            TEXT NOT NULL,
    pool            TEXT NOT NULL,
    backend         TEXT NOT NULL CHECK (backend IN ('Image', 'Directory', 'Lvm', 'LvmThin')),
    size_bytes      INTEGER NOT NULL CHECK (size_bytes >= 0),
    access          TEXT NOT NULL CHECK (access IN ('Mount', 'Block')),
    filesystem      TEXT CHECK (filesystem IN ('Ext4', 'Xfs', 'Btrfs')),
    filesystem_uuid TEXT CHECK (length(filesystem_uuid) = 36),
    format          TEXT NOT NULL CHECK (format IN ('Never', 'Formatting', 'Formatted', 'Inherited')),
    formatted_at    TEXT CHECK (formatted_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z'),
    mkfs_options    TEXT NOT NULL CHECK (json_valid(mkfs_options) AND json_type(mkfs_options) = 'array'),
    parameters      TEXT NOT NULL CHECK (json_valid(parameters) AND json_type(parameters) = 'object'),
    source_kind     TEXT CHECK (source_kind IN ('Volume', 'Snapshot')),
    source_id       TEXT CHECK (length(source_id) = 21),
    preallocated    INTEGER NOT NULL CHECK (preallocated IN (0, 1)),
    project_id      INTEGER CHECK (project_id BETWEEN 0 AND 4294967295),
    shared_bytes    INTEGER NOT NULL CHECK (shared_bytes >= 0),
    state           TEXT NOT NULL CHECK (state IN ('Creating', 'Ready', 'Deleting')),
    created_at      TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z'),
    pending_size_bytes INTEGER CHECK (pending_size_bytes >= 0),
    CHECK ((source_kind IS NULL) = (source_id IS NULL))
) STRICT;

CREATE INDEX trash_by_pool ON trash (pool, deleted_at, sequence);

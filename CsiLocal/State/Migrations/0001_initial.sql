-- One row per fact about the state itself: 'state_id', 'boot_id'.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE pools (
    name     TEXT NOT NULL PRIMARY KEY,
    backend  TEXT NOT NULL CHECK (backend IN ('Image', 'Directory', 'Lvm', 'LvmThin')),
    location TEXT NOT NULL,
    identity TEXT NOT NULL
) STRICT;

-- sequence is the order of creation and the position for paging: AUTOINCREMENT, so that no number comes twice.
CREATE TABLE volumes (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE CHECK (length(id) = 21 AND id GLOB 'v*'),
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

CREATE INDEX volumes_by_pool ON volumes (pool, sequence);

-- source_volume is no foreign key: a snapshot outlives its source.
CREATE TABLE snapshots (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE CHECK (length(id) = 21 AND id GLOB 's*'),
    name            TEXT NOT NULL,
    source_volume   TEXT NOT NULL CHECK (length(source_volume) = 21 AND source_volume GLOB 'v*'),
    pool            TEXT NOT NULL,
    backend         TEXT NOT NULL CHECK (backend IN ('Image', 'Directory', 'Lvm', 'LvmThin')),
    size_bytes      INTEGER NOT NULL CHECK (size_bytes >= 0),
    access          TEXT NOT NULL CHECK (access IN ('Mount', 'Block')),
    filesystem      TEXT CHECK (filesystem IN ('Ext4', 'Xfs', 'Btrfs')),
    filesystem_uuid TEXT CHECK (length(filesystem_uuid) = 36),
    format          TEXT NOT NULL CHECK (format IN ('Never', 'Formatting', 'Formatted', 'Inherited')),
    project_id      INTEGER CHECK (project_id BETWEEN 0 AND 4294967295),
    shared_bytes    INTEGER NOT NULL CHECK (shared_bytes >= 0),
    state           TEXT NOT NULL CHECK (state IN ('Creating', 'Ready', 'Deleting')),
    created_at      TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z')
) STRICT;

CREATE INDEX snapshots_by_pool ON snapshots (pool, sequence);
CREATE INDEX snapshots_by_source ON snapshots (source_volume, sequence);

CREATE TABLE publications (
    volume      TEXT NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('Stage', 'Publish')),
    path        TEXT NOT NULL CHECK (path GLOB '/*'),
    read_only   INTEGER NOT NULL CHECK (read_only IN (0, 1)),
    access      TEXT NOT NULL CHECK (access IN ('Mount', 'Block')),
    mode        TEXT NOT NULL CHECK (mode IN
        ('SingleNodeWriter', 'SingleNodeReaderOnly', 'SingleNodeSingleWriter', 'SingleNodeMultiWriter')),
    mount_flags TEXT NOT NULL CHECK (json_valid(mount_flags) AND json_type(mount_flags) = 'array'),
    done        INTEGER NOT NULL CHECK (done IN (0, 1)),
    PRIMARY KEY (volume, kind, path)
) STRICT;

CREATE INDEX publications_by_path ON publications (path);

-- target_id is a volume's or a snapshot's, hence no foreign key.
CREATE TABLE tasks (
    target_id   TEXT NOT NULL PRIMARY KEY CHECK (length(target_id) = 21),
    kind        TEXT NOT NULL CHECK (kind IN ('Clone', 'Restore', 'Snapshot', 'Erase')),
    source_id   TEXT NOT NULL CHECK (length(source_id) = 21),
    done_bytes  INTEGER NOT NULL CHECK (done_bytes >= 0),
    total_bytes INTEGER NOT NULL CHECK (total_bytes >= 0),
    frozen_path TEXT,
    error       TEXT,
    started_at  TEXT NOT NULL CHECK (started_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z')
) STRICT;

-- The highest quota id that a pool ever got; the row outlives the pool, so that no id comes twice.
CREATE TABLE project_ids (
    pool    TEXT NOT NULL PRIMARY KEY,
    highest INTEGER NOT NULL CHECK (highest BETWEEN 0 AND 4294967294)
) STRICT;

-- The journal. Its rows are written late and pruned by age, so they refer to nothing by foreign key.
CREATE TABLE operations (
    id       INTEGER PRIMARY KEY,
    rpc      TEXT NOT NULL,
    target   TEXT,
    peer     TEXT,
    started  TEXT NOT NULL,
    finished TEXT,
    status   TEXT,
    message  TEXT
) STRICT;

CREATE INDEX operations_by_target ON operations (target, id) WHERE target IS NOT NULL;

CREATE TABLE commands (
    id           INTEGER PRIMARY KEY,
    operation_id INTEGER,
    program      TEXT NOT NULL,
    arguments    TEXT NOT NULL,
    exit_code    INTEGER,
    failure      TEXT,
    duration_us  INTEGER NOT NULL,
    summary      TEXT,
    started      TEXT NOT NULL
) STRICT;

CREATE INDEX commands_by_operation ON commands (operation_id) WHERE operation_id IS NOT NULL;

CREATE TABLE events (
    id     INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    what   TEXT NOT NULL,
    why    TEXT NOT NULL,
    time   TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_target ON events (target, id);

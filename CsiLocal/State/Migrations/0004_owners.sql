-- The node that the pool's own marker named when this state last served it; null: it named none.
ALTER TABLE pools ADD COLUMN node TEXT;

-- 1: found in the mount table, not asked for by a call that this state knows of; mode and mount_flags are not known.
ALTER TABLE publications ADD COLUMN assumed INTEGER NOT NULL DEFAULT 0 CHECK (assumed IN (0, 1));

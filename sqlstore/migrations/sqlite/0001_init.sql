-- All times are microseconds since 1970 by the machine's clock.

CREATE TABLE crmlog_digests (
	ref                TEXT    NOT NULL PRIMARY KEY,
	platform           TEXT    NOT NULL,
	account            TEXT    NOT NULL,
	user_id            TEXT    NOT NULL,
	contact_id         TEXT    NOT NULL,
	conversation       TEXT    NOT NULL,
	day                TEXT    NOT NULL,
	scope              TEXT    NOT NULL, -- of its message ids: a hash of platform, account, user and contact
	fence              INTEGER NOT NULL, -- of the last claim
	lease_until        INTEGER NOT NULL, -- 0: given back
	-- The open intention; all NULL when there is none.
	intention_kind     TEXT,
	intention_part     INTEGER,
	intention_messages TEXT,             -- a JSON array of ids
	intention_settle   INTEGER,          -- microseconds
	intention_fence    INTEGER,          -- of the lease it was made under
	intended_at        INTEGER,
	settled_at         INTEGER,
	-- The record of part 1, which most digests do with; NULL until there is one.
	log_id             TEXT,
	committed_at       INTEGER,
	last_part          INTEGER NOT NULL DEFAULT 0 -- the highest number of a part
) STRICT;

-- The records of the other parts.
CREATE TABLE crmlog_parts (
	ref          TEXT    NOT NULL,
	part         INTEGER NOT NULL,
	log_id       TEXT    NOT NULL,
	committed_at INTEGER NOT NULL,
	PRIMARY KEY (ref, part)
) STRICT, WITHOUT ROWID;

-- The key begins with the id: those of new messages are mostly near each other, so
-- that what shares a transaction shares pages.
CREATE TABLE crmlog_messages (
	message_id    TEXT NOT NULL,
	scope         TEXT NOT NULL,
	ref           TEXT NOT NULL,
	part          INTEGER, -- until it is logged, the part in which it may stand, or NULL
	logged_at     INTEGER, -- this and the rest are NULL until the message is logged
	last_modified INTEGER,
	status        TEXT,
	fence         INTEGER, -- of the lease under which it was written
	PRIMARY KEY (message_id, scope)
) STRICT, WITHOUT ROWID;

CREATE INDEX crmlog_messages_logged_at ON crmlog_messages (logged_at) WHERE logged_at IS NOT NULL;

CREATE TABLE crmlog_meta (
	id            INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
	fence         INTEGER NOT NULL, -- the last one that somebody reserved, to give out
	pruned_before INTEGER
) STRICT;

INSERT INTO crmlog_meta (id, fence) VALUES (1, 0);

-- All times are microseconds since 1970 by the server's clock.

CREATE SEQUENCE crmlog_fence AS bigint;

CREATE TABLE crmlog_digests (
	ref                text COLLATE "C" NOT NULL PRIMARY KEY,
	platform           text    NOT NULL,
	account            text    NOT NULL,
	user_id            text    NOT NULL,
	contact_id         text    NOT NULL,
	conversation       text    NOT NULL,
	day                text    NOT NULL,
	scope              text COLLATE "C" NOT NULL, -- of its message ids: a hash of platform, account, user and contact
	version            bigint  NOT NULL, -- rises with each change of the digest, its records and its logs
	fence              bigint  NOT NULL, -- of the last claim
	lease_until        bigint  NOT NULL, -- 0: given back
	-- The open intention; all NULL when there is none.
	intention_kind     text,
	intention_part     integer,
	intention_messages text,             -- a JSON array of ids
	intention_settle   bigint,           -- microseconds
	intention_fence    bigint,           -- of the lease it was made under
	intended_at        bigint,
	settled_at         bigint
) WITH (fillfactor = 70); -- room for the updates of a row beside it

CREATE TABLE crmlog_parts (
	ref          text COLLATE "C" NOT NULL,
	part         integer NOT NULL,
	log_id       text    NOT NULL,
	committed_at bigint  NOT NULL,
	PRIMARY KEY (ref, part)
);

CREATE TABLE crmlog_messages (
	scope         text COLLATE "C" NOT NULL,
	message_id    text COLLATE "C" NOT NULL,
	ref           text COLLATE "C" NOT NULL,
	part          integer, -- until it is logged, the part in which it may stand, or NULL
	logged_at     bigint,  -- this and the rest are NULL until the message is logged
	last_modified bigint,
	status        text,
	fence         bigint,  -- of the lease under which it was written
	PRIMARY KEY (scope, message_id)
);

CREATE INDEX crmlog_messages_logged_at ON crmlog_messages (logged_at) WHERE logged_at IS NOT NULL;

CREATE TABLE crmlog_meta (
	id            integer NOT NULL PRIMARY KEY CHECK (id = 1),
	pruned_before bigint
);

INSERT INTO crmlog_meta (id) VALUES (1);

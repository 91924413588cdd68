package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/crmlog/crmlog"
)

// postgres does each method's work in one statement, which is one transaction
// and one trip to the server.
type postgres struct{ db *sql.DB }

// sqlNow is the server's clock at this moment, not at the transaction's start.
const sqlNow = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

// held is when the lease ($1, $2) is held. Where the row is locked by somebody
// else, PostgreSQL waits and evaluates it anew on what they left.
const held = `ref = $1 AND fence = $2 AND lease_until > ` + sqlNow

// A statement sees the database as it was when it began: by the time it gets
// the digest's row, somebody may have committed a log or renewed the lease. So
// it takes the digest only in the version that it has seen; each change of a
// digest, its records and its logs counts the version up. A message that
// somebody else reserves for another digest at the same time is a unique
// violation, which undoes all. In both cases the claim is tried again.
//
// The lateral joins with their limits keep the planner at one key after the other,
// also where it made its plan when the tables were small.
//
// Message rows are written in the order of their ids and after the digest's, so
// that nobody waits in a circle.
var pgClaim = strings.ReplaceAll(`
WITH clock AS MATERIALIZED (
	SELECT $now AS now
), seen AS MATERIALIZED (
	SELECT * FROM crmlog_digests WHERE ref = $1
), parts AS MATERIALIZED (
	SELECT part, log_id, committed_at FROM crmlog_parts WHERE ref = $1
), asked AS MATERIALIZED (
	SELECT a.id, a.n, m.ref, m.part, m.logged_at, m.last_modified, m.status, m.fence
	FROM json_array_elements_text($10::text::json) WITH ORDINALITY AS a (id, n)
	LEFT JOIN LATERAL (
		SELECT * FROM crmlog_messages WHERE scope = $8 AND message_id = a.id LIMIT 1
	) AS m ON true
), mine AS MATERIALIZED (
	SELECT greatest(nextval('crmlog_fence'), seen.fence + 1) AS fence, clock.now + $9::bigint AS lease_until
	FROM clock LEFT JOIN seen ON true
	WHERE seen.ref IS NULL OR seen.lease_until <= clock.now
), last AS (
	SELECT max(part) AS part FROM parts
), todo AS (
	SELECT json_agg(id ORDER BY n) AS messages FROM asked
	WHERE logged_at IS NULL AND (ref IS NULL OR ref = $1)
		AND (part IS NULL OR part = (SELECT coalesce(last.part, 1) FROM last))
), intention AS MATERIALIZED (
	SELECT true AS open, intention_kind AS kind, intention_part AS part, intention_messages AS messages,
		intention_settle AS settle, intention_fence AS fence, intended_at, settled_at
	FROM seen WHERE intention_kind IS NOT NULL
	UNION ALL
	SELECT false, CASE WHEN last.part IS NULL THEN 'add' ELSE 'update' END, coalesce(last.part, 1), todo.messages::text,
		s.settle, mine.fence, clock.now, mine.lease_until + s.settle
	FROM clock, mine, todo, last
	CROSS JOIN LATERAL (SELECT CASE WHEN last.part IS NULL THEN $12::bigint ELSE 0 END AS settle) AS s
	WHERE $11::boolean AND todo.messages IS NOT NULL
		AND NOT EXISTS (SELECT FROM seen WHERE intention_kind IS NOT NULL)
), held AS (
	INSERT INTO crmlog_digests AS d (ref, platform, account, user_id, contact_id, conversation, day, scope,
		version, fence, lease_until, intention_kind, intention_part, intention_messages, intention_settle,
		intention_fence, intended_at, settled_at)
	SELECT $1, $2, $3, $4, $5, $6, $7, $8,
		0, mine.fence, mine.lease_until, i.kind, i.part, i.messages, i.settle, i.fence, i.intended_at, i.settled_at
	FROM mine LEFT JOIN intention AS i ON true
	ON CONFLICT (ref) DO UPDATE SET
		version = d.version + 1, fence = excluded.fence, lease_until = excluded.lease_until,
		intention_kind = excluded.intention_kind, intention_part = excluded.intention_part,
		intention_messages = excluded.intention_messages, intention_settle = excluded.intention_settle,
		intention_fence = excluded.intention_fence, intended_at = excluded.intended_at, settled_at = excluded.settled_at
	WHERE d.version = (SELECT version FROM seen)
	RETURNING d.fence
), reserved AS (
	INSERT INTO crmlog_messages (scope, message_id, ref)
	SELECT DISTINCT $8, asked.id, $1 FROM held, asked WHERE asked.ref IS NULL ORDER BY asked.id
)
SELECT json_build_object(
	'fence', held.fence,
	'heldFor', (SELECT lease_until FROM seen) - clock.now,
	'prunedBefore', (SELECT pruned_before FROM crmlog_meta),
	'intention', (
		SELECT json_build_object('open', open, 'kind', kind, 'part', part, 'messages', messages::json, 'settle', settle,
			'fence', fence, 'age', clock.now - intended_at, 'settles', settled_at - clock.now)
		FROM intention),
	'parts', (
		SELECT json_agg(json_build_object('number', part, 'logId', log_id, 'age', clock.now - committed_at) ORDER BY part)
		FROM parts),
	'messages', (
		SELECT json_agg(json_build_object('id', a.id, 'ref', a.ref, 'part', a.part,
			'logged', a.logged_at IS NOT NULL, 'fence', a.fence, 'logId', p.log_id,
			'lastModified', a.last_modified, 'status', a.status, 'platform', d.platform, 'account', d.account,
			'user', d.user_id, 'contact', d.contact_id, 'conversation', d.conversation, 'day', d.day))
		FROM asked AS a
		LEFT JOIN LATERAL (
			SELECT log_id FROM crmlog_parts WHERE ref = a.ref AND part = a.part LIMIT 1
		) AS p ON true
		LEFT JOIN LATERAL (
			SELECT * FROM crmlog_digests WHERE ref = a.ref AND a.ref <> $1 LIMIT 1
		) AS d ON true
		WHERE a.ref IS NOT NULL)
)::text
FROM clock LEFT JOIN held ON true`, "$now", sqlNow)

const pgRenew = `
UPDATE crmlog_digests SET version = version + 1,
	lease_until = ` + sqlNow + ` + $3::bigint,
	settled_at = CASE WHEN intention_fence = fence THEN ` + sqlNow + ` + $3::bigint + intention_settle ELSE settled_at END
WHERE ` + held

const pgIntend = `
UPDATE crmlog_digests SET version = version + 1,
	intention_kind = $3, intention_part = $4, intention_messages = $5, intention_settle = $6::bigint,
	intention_fence = fence, intended_at = ` + sqlNow + `, settled_at = lease_until + $6::bigint
WHERE ` + held

const pgCommit = `
WITH held AS MATERIALIZED (
	SELECT ref, scope, fence, intention_fence, intention_part, intention_messages FROM crmlog_digests
	WHERE ` + held + ` FOR UPDATE
), done AS (
	UPDATE crmlog_digests AS d SET version = d.version + 1,
		intention_kind = $3, intention_part = $4, intention_messages = $5, intention_settle = $6::bigint,
		intention_fence = CASE WHEN $3::text IS NOT NULL THEN d.fence END,
		intended_at = CASE WHEN $3::text IS NOT NULL THEN ` + sqlNow + ` END,
		settled_at = d.lease_until + $6::bigint,
		lease_until = CASE WHEN $7::boolean THEN 0 ELSE d.lease_until END
	FROM held WHERE d.ref = held.ref
), part AS (
	INSERT INTO crmlog_parts AS p (ref, part, log_id, committed_at)
	SELECT ref, $8::integer, $9, ` + sqlNow + ` FROM held WHERE $8::integer > 0
	ON CONFLICT (ref, part) DO UPDATE SET log_id = excluded.log_id, committed_at = excluded.committed_at
	WHERE p.log_id <> excluded.log_id
), list AS MATERIALIZED (
	SELECT * FROM json_to_recordset($10::text::json) AS l (id text, "lastModified" bigint, status text, fence bigint)
), logged AS (
	INSERT INTO crmlog_messages (scope, message_id, ref, part, logged_at, last_modified, status, fence)
	SELECT held.scope, l.id, held.ref, $8::integer, ` + sqlNow + `, l."lastModified", l.status, coalesce(nullif(l.fence, 0), held.fence)
	FROM held, list AS l
	ORDER BY l.id COLLATE "C"
	ON CONFLICT (scope, message_id) DO UPDATE SET ref = excluded.ref, part = excluded.part,
		logged_at = excluded.logged_at, last_modified = excluded.last_modified, status = excluded.status,
		fence = excluded.fence
), doubt AS (
	UPDATE crmlog_messages AS m SET part = held.intention_part FROM held
	WHERE held.intention_fence <> held.fence AND m.scope = held.scope AND m.ref = held.ref AND m.logged_at IS NULL
		AND m.message_id IN (SELECT i.id FROM json_array_elements_text(held.intention_messages::json) AS i (id))
		AND m.message_id NOT IN (SELECT id FROM list)
)
SELECT count(*) FROM held`

const pgRelease = `
UPDATE crmlog_digests SET version = version + 1, lease_until = 0,
	settled_at = CASE WHEN intention_fence = fence THEN ` + sqlNow + ` + $3::bigint + intention_settle ELSE settled_at END
WHERE ` + held

const pgHorizon = `UPDATE crmlog_meta SET pruned_before = $1 WHERE pruned_before IS NULL OR pruned_before < $1`

// A row that is locked is just being logged anew.
const pgPrune = `
DELETE FROM crmlog_messages WHERE (scope, message_id) IN (
	SELECT scope, message_id FROM crmlog_messages WHERE logged_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`

func newPostgres(ctx context.Context, db *sql.DB) (*postgres, error) {
	m := migrator{
		dialect: PostgreSQL,
		// The lock ends with the transaction, so that a pooler may hand out
		// connections by transaction.
		begin: "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(hashtext('crmlog_schema'), hashtext(coalesce(current_schema(), '')))",
		// Asked of the catalog's table: what to_regclass knows may be older than
		// the lock.
		exists: "SELECT count(*) > 0 FROM pg_catalog.pg_tables WHERE tablename = 'crmlog_schema' AND schemaname = ANY (current_schemas(false))",
	}
	if err := m.migrate(ctx, db); err != nil {
		return nil, err
	}
	return &postgres{db}, nil
}

// Claim implements [crmlog.Store].
func (s *postgres) Claim(ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
	d := req.Digest
	args := []any{
		d.Ref, d.Platform, d.Account, d.User, d.Contact, d.Conversation, d.Day, d.MessageScope(),
		micros(req.Lease), idsJSON(req.Messages), req.Intend, micros(req.Settle),
	}
	var claim crmlog.Claim
	err := retry(ctx, func() error {
		var answer pgAnswer
		if err := s.db.QueryRowContext(ctx, pgClaim, args...).Scan(&answer); err != nil {
			return err
		}
		if answer.Fence == nil {
			if answer.HeldFor > 0 {
				return &crmlog.ClaimedError{RetryAfter: duration(answer.HeldFor)}
			}
			return errStale
		}
		claim = answer.claim(&req)
		return nil
	})
	return claim, wrap("claim", err)
}

// pgAnswer is what pgClaim returns; times are in microseconds.
type pgAnswer struct {
	Fence        *int64 `json:"fence"`
	HeldFor      int64  `json:"heldFor"`
	PrunedBefore *int64 `json:"prunedBefore"`
	Intention    *struct {
		Open     bool                 `json:"open"`
		Kind     crmlog.IntentionKind `json:"kind"`
		Part     int                  `json:"part"`
		Messages []crmlog.ID          `json:"messages"`
		Settle   int64                `json:"settle"`
		Age      int64                `json:"age"`
		Settles  int64                `json:"settles"`
		Fence    int64                `json:"fence"`
	} `json:"intention"`
	Parts []struct {
		Number int    `json:"number"`
		LogID  string `json:"logId"`
		Age    int64  `json:"age"`
	} `json:"parts"`
	Messages []messageRow `json:"messages"`
}

// Scan implements [sql.Scanner].
func (a *pgAnswer) Scan(column any) error {
	text, ok := column.([]byte)
	if s, isString := column.(string); isString {
		text, ok = []byte(s), true
	}
	if !ok {
		return errors.New("the driver returns text neither as string nor as bytes")
	}
	return json.Unmarshal(text, a)
}

func (a *pgAnswer) claim(req *crmlog.ClaimRequest) crmlog.Claim {
	c := crmlog.Claim{
		Lease:        crmlog.Lease{Ref: req.Digest.Ref, Fence: *a.Fence},
		Messages:     messageStates(req, a.Messages),
		PrunedBefore: timeOf(a.PrunedBefore),
	}
	for _, p := range a.Parts {
		c.Parts = append(c.Parts, crmlog.Part{Number: p.Number, LogID: p.LogID, Age: duration(p.Age)})
	}
	if i := a.Intention; i != nil {
		in := crmlog.Intention{Kind: i.Kind, Part: i.Part, Messages: i.Messages, Settle: duration(i.Settle)}
		if i.Open {
			c.Open = &crmlog.OpenIntention{Intention: in, Age: duration(i.Age), Settles: max(0, duration(i.Settles)), Fence: i.Fence}
		} else {
			c.Intended = &in
		}
	}
	return c
}

// Renew implements [crmlog.Store].
func (s *postgres) Renew(ctx context.Context, lease crmlog.Lease, d time.Duration) error {
	return s.holding(ctx, "renew", pgRenew, lease, micros(d))
}

// Intend implements [crmlog.Store].
func (s *postgres) Intend(ctx context.Context, lease crmlog.Lease, in crmlog.Intention) error {
	return s.holding(ctx, "intend", pgIntend, lease, string(in.Kind), in.Part, idsJSON(in.Messages), micros(in.Settle))
}

// Release implements [crmlog.Store].
func (s *postgres) Release(ctx context.Context, lease crmlog.Lease, settle time.Duration) error {
	return s.holding(ctx, "release", pgRelease, lease, micros(settle))
}

// holding runs an update of the lease's digest.
func (s *postgres) holding(ctx context.Context, what, query string, lease crmlog.Lease, args ...any) error {
	return wrap(what, retry(ctx, func() error {
		r, err := s.db.ExecContext(ctx, query, append([]any{lease.Ref, lease.Fence}, args...)...)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err == nil && n == 0 {
			err = crmlog.ErrLeaseLost
		}
		return err
	}))
}

// Commit implements [crmlog.Store].
func (s *postgres) Commit(ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
	args := []any{lease.Ref, lease.Fence, nil, nil, nil, nil, c.Release, c.Part, c.LogID, loggedJSON(c.Logged)}
	if in := c.Next; in != nil {
		copy(args[2:], []any{string(in.Kind), in.Part, idsJSON(in.Messages), micros(in.Settle)})
	}
	return wrap("commit", retry(ctx, func() error {
		var n int
		err := s.db.QueryRowContext(ctx, pgCommit, args...).Scan(&n)
		if err == nil && n == 0 {
			err = crmlog.ErrLeaseLost
		}
		return err
	}))
}

// loggedJSON has each message once, since a statement can write a row only once.
func loggedJSON(logged []crmlog.LoggedMessage) string {
	type row struct {
		ID           crmlog.ID `json:"id"`
		LastModified *int64    `json:"lastModified"`
		Status       string    `json:"status"`
		Fence        int64     `json:"fence"`
	}
	rows := make([]row, 0, len(logged))
	at := make(map[crmlog.ID]int, len(logged))
	for _, l := range logged {
		r := row{l.ID, timeValue(l.LastModified), l.Status, l.Fence}
		if i, twice := at[l.ID]; twice {
			rows[i] = r
			continue
		}
		at[l.ID] = len(rows)
		rows = append(rows, r)
	}
	text, _ := json.Marshal(rows) // strings and integers always encode
	return string(text)
}

// Prune implements [crmlog.Store].
func (s *postgres) Prune(ctx context.Context, before time.Time) (total int64, err error) {
	limit := before.UnixMicro()
	if _, err := s.exec(ctx, pgHorizon, limit); err != nil {
		return 0, wrap("prune", err)
	}
	for {
		n, err := s.exec(ctx, pgPrune, limit, pruneBatch)
		total += n
		if err != nil || n < pruneBatch {
			return total, wrap("prune", err)
		}
	}
}

func (s *postgres) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = retry(ctx, func() error {
		r, err := s.db.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return n, err
}

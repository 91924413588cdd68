package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/crmlog/crmlog"
)

// sqlite does its work in Go, statement by statement: the database is in the
// process, only a transaction's end costs.
type sqlite struct {
	combiner
	stmts map[string]*sql.Stmt
}

const (
	sqliteFirst = `UPDATE crmlog_meta SET fence = fence + ? RETURNING fence, pruned_before`

	sqliteDigest = `SELECT scope, fence, lease_until, intention_kind, intention_part, intention_messages,
			intention_settle, intention_fence, intended_at, settled_at, log_id, committed_at, last_part
		FROM crmlog_digests WHERE ref = ?`

	sqliteInsert = `INSERT INTO crmlog_digests (ref, fence, lease_until, intention_kind, intention_part, intention_messages,
			intention_settle, intention_fence, intended_at, settled_at,
			platform, account, user_id, contact_id, conversation, day, scope)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	sqliteSave = `UPDATE crmlog_digests SET fence = ?2, lease_until = ?3, intention_kind = ?4, intention_part = ?5,
			intention_messages = ?6, intention_settle = ?7, intention_fence = ?8, intended_at = ?9, settled_at = ?10
		WHERE ref = ?1`

	// Without ?13 it leaves a digest alone whose intention somebody else made.
	sqliteCommit = `UPDATE crmlog_digests SET lease_until = iif(?4, 0, lease_until),
			intention_kind = ?5, intention_part = ?6, intention_messages = ?7, intention_settle = ?8,
			intention_fence = ?9, intended_at = ?10, settled_at = lease_until + ?8,
			log_id = iif(?11 = 1, ?12, log_id),
			committed_at = iif(?11 = 1 AND log_id IS NOT ?12, ?3, committed_at),
			last_part = max(last_part, ?11)
		WHERE ref = ?1 AND fence = ?2 AND lease_until > ?3 AND (?13 OR intention_fence IS NULL OR intention_fence = ?2)`

	// The cross join keeps the planner from beginning with the bigger table.
	sqliteMessages = `SELECT m.message_id, m.ref, coalesce(m.part, 0), m.logged_at IS NOT NULL, coalesce(m.fence, 0),
			coalesce(iif(m.part = 1, d.log_id, p.log_id), ''), m.last_modified, coalesce(m.status, ''),
			coalesce(d.platform, ''), coalesce(d.account, ''), coalesce(d.user_id, ''), coalesce(d.contact_id, ''),
			coalesce(d.conversation, ''), coalesce(d.day, '')
		FROM json_each(?2) AS asked
		CROSS JOIN crmlog_messages AS m ON m.scope = ?1 AND m.message_id = asked.value
		LEFT JOIN crmlog_digests AS d ON d.ref = m.ref
		LEFT JOIN crmlog_parts AS p ON p.ref = m.ref AND p.part = m.part`

	sqliteReserve = `INSERT INTO crmlog_messages (scope, message_id, ref) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`

	sqliteParts = `SELECT part, log_id, committed_at FROM crmlog_parts WHERE ref = ? ORDER BY part`

	sqliteSetPart = `INSERT INTO crmlog_parts (ref, part, log_id, committed_at) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET log_id = excluded.log_id, committed_at = excluded.committed_at WHERE log_id <> excluded.log_id`

	sqliteLog = `INSERT INTO crmlog_messages (scope, message_id, ref, part, logged_at, last_modified, status, fence)
		SELECT scope, ?2, ref, ?3, ?4, ?5, ?6, ?7 FROM crmlog_digests WHERE ref = ?1
		ON CONFLICT DO UPDATE SET ref = excluded.ref, part = excluded.part, logged_at = excluded.logged_at,
			last_modified = excluded.last_modified, status = excluded.status, fence = excluded.fence`

	sqliteDoubt = `UPDATE crmlog_messages SET part = ?3 WHERE scope = ?1 AND ref = ?2 AND logged_at IS NULL
		AND message_id IN (SELECT value FROM json_each(?4))`

	sqliteHorizon = `UPDATE crmlog_meta SET pruned_before = ?1 WHERE pruned_before IS NULL OR pruned_before < ?1`

	sqlitePrune = `DELETE FROM crmlog_messages WHERE (scope, message_id) IN
		(SELECT scope, message_id FROM crmlog_messages WHERE logged_at < ? LIMIT ?)`
)

func newSQLite(ctx context.Context, db *sql.DB) (*sqlite, error) {
	m := migrator{
		dialect: SQLite,
		begin:   "BEGIN IMMEDIATE",
		exists:  "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'crmlog_schema'",
	}
	s := &sqlite{combiner: combiner{db: db}, stmts: make(map[string]*sql.Stmt)}
	// The whole of it again, since even a new connection can find the file busy.
	return s, retry(ctx, func() error {
		if err := m.migrate(ctx, db); err != nil {
			return err
		}
		return s.prepare(ctx)
	})
}

func (s *sqlite) prepare(ctx context.Context) error {
	for _, query := range []string{
		sqliteFirst, sqliteDigest, sqliteInsert, sqliteSave, sqliteCommit, sqliteMessages, sqliteReserve,
		sqliteParts, sqliteSetPart, sqliteLog, sqliteDoubt, sqliteHorizon, sqlitePrune,
	} {
		stmt, err := s.db.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		s.stmts[query] = stmt
	}
	s.first = s.stmts[sqliteFirst]
	return nil
}

// sqliteRow is what changes of a digest.
type sqliteRow struct {
	ref, scope        string
	fence, leaseUntil int64
	open              *sqliteIntention
	logID             sql.NullString // of part 1
	committedAt       sql.NullInt64
	lastPart          int
}

type sqliteIntention struct {
	kind       string
	part       int
	messages   string // JSON
	settle     int64
	fence      int64
	intendedAt int64
	settledAt  int64
}

// Claim implements [crmlog.Store].
func (s *sqlite) Claim(ctx context.Context, req crmlog.ClaimRequest) (claim crmlog.Claim, err error) {
	err = s.do(ctx, func(b *batch) error {
		d, err := s.digest(b, req.Digest.Ref)
		if err != nil {
			return err
		}
		if d != nil && d.leaseUntil > b.now {
			return &crmlog.ClaimedError{RetryAfter: duration(d.leaseUntil - b.now)}
		}
		isNew := d == nil
		if isNew {
			d = &sqliteRow{ref: req.Digest.Ref, scope: req.Digest.MessageScope()}
		}
		b.fence++
		d.fence, d.leaseUntil = b.fence, b.now+micros(req.Lease)
		claim = crmlog.Claim{Lease: crmlog.Lease{Ref: d.ref, Fence: d.fence}, PrunedBefore: timeOf(b.prunedBefore)}
		if claim.Parts, err = s.parts(b, d); err != nil {
			return err
		}
		if claim.Messages, err = s.reserve(b, d, &req); err != nil {
			return err
		}
		if d.open != nil {
			if claim.Open, err = d.open.describe(b.now); err != nil {
				return err
			}
		} else if req.Intend {
			if claim.Intended = intended(&req, &claim); claim.Intended != nil {
				d.intend(claim.Intended, b.now)
			}
		}
		if !isNew {
			_, err = s.exec(b, sqliteSave, d.values()...)
			return err
		}
		of := req.Digest
		_, err = s.exec(b, sqliteInsert, append(d.values(), of.Platform, of.Account, of.User, of.Contact, of.Conversation, of.Day, d.scope)...)
		return err
	})
	if err != nil {
		return crmlog.Claim{}, wrap("claim", err)
	}
	return claim, nil
}

// intended is what a claim intends, or nil.
func intended(req *crmlog.ClaimRequest, c *crmlog.Claim) *crmlog.Intention {
	in := &crmlog.Intention{Kind: crmlog.IntendAdd, Part: 1, Settle: req.Settle}
	if n := len(c.Parts); n > 0 {
		in = &crmlog.Intention{Kind: crmlog.IntendUpdate, Part: c.Parts[n-1].Number}
	}
	for _, m := range c.Messages {
		if !m.Logged && m.Digest.Ref == req.Digest.Ref && (m.Part == 0 || m.Part == in.Part) {
			in.Messages = append(in.Messages, m.ID)
		}
	}
	if in.Messages == nil {
		return nil
	}
	return in
}

func (d *sqliteRow) intend(in *crmlog.Intention, now int64) {
	d.open = &sqliteIntention{
		kind: string(in.Kind), part: in.Part, messages: idsJSON(in.Messages), settle: micros(in.Settle),
		fence: d.fence, intendedAt: now, settledAt: d.leaseUntil + micros(in.Settle),
	}
}

func (i *sqliteIntention) describe(now int64) (*crmlog.OpenIntention, error) {
	open := &crmlog.OpenIntention{
		Intention: crmlog.Intention{Kind: crmlog.IntentionKind(i.kind), Part: i.part, Settle: duration(i.settle)},
		Age:       duration(now - i.intendedAt),
		Fence:     i.fence,
		Settles:   max(0, duration(i.settledAt-now)),
	}
	return open, json.Unmarshal([]byte(i.messages), &open.Messages)
}

// Renew implements [crmlog.Store].
func (s *sqlite) Renew(ctx context.Context, lease crmlog.Lease, dur time.Duration) error {
	return s.holding(ctx, "renew", lease, func(b *batch, d *sqliteRow) {
		d.leaseUntil = b.now + micros(dur)
		if d.open != nil && d.open.fence == d.fence {
			d.open.settledAt = d.leaseUntil + d.open.settle
		}
	})
}

// Intend implements [crmlog.Store].
func (s *sqlite) Intend(ctx context.Context, lease crmlog.Lease, in crmlog.Intention) error {
	return s.holding(ctx, "intend", lease, func(b *batch, d *sqliteRow) {
		d.intend(&in, b.now)
	})
}

// Commit implements [crmlog.Store].
func (s *sqlite) Commit(ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
	return wrap("commit", s.do(ctx, func(b *batch) error {
		done, err := s.commit(b, lease, &c, false)
		if err == nil && !done {
			err = s.settle(b, lease, &c)
		}
		if err != nil {
			return err
		}
		if c.Part > 1 {
			if _, err := s.exec(b, sqliteSetPart, lease.Ref, c.Part, c.LogID, b.now); err != nil {
				return err
			}
		}
		for _, l := range c.Logged {
			if _, err := s.exec(b, sqliteLog, lease.Ref, string(l.ID), c.Part, b.now, timeValue(l.LastModified), l.Status, cmp.Or(l.Fence, lease.Fence)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// commit changes the digest, unless the lease is lost or, if not settling, the
// open intention is another lease's.
func (s *sqlite) commit(b *batch, lease crmlog.Lease, c *crmlog.Commit, settling bool) (done bool, err error) {
	args := []any{lease.Ref, lease.Fence, b.now, c.Release, nil, nil, nil, nil, nil, nil, c.Part, c.LogID, settling}
	if in := c.Next; in != nil {
		copy(args[4:], []any{string(in.Kind), in.Part, idsJSON(in.Messages), micros(in.Settle), lease.Fence, b.now})
	}
	n, err := s.exec(b, sqliteCommit, args...)
	return n > 0, err
}

// settle is commit where the open intention is another lease's: what it does not
// log of that is in doubt.
func (s *sqlite) settle(b *batch, lease crmlog.Lease, c *crmlog.Commit) error {
	d, err := s.held(b, lease)
	if err != nil {
		return err
	}
	if _, err := s.exec(b, sqliteDoubt, d.scope, d.ref, d.open.part, d.open.messages); err != nil {
		return err
	}
	_, err = s.commit(b, lease, c, true)
	return err
}

// Release implements [crmlog.Store].
func (s *sqlite) Release(ctx context.Context, lease crmlog.Lease, settle time.Duration) error {
	return s.holding(ctx, "release", lease, func(b *batch, d *sqliteRow) {
		d.leaseUntil = 0
		if d.open != nil && d.open.fence == d.fence {
			d.open.settledAt = b.now + micros(settle) + d.open.settle
		}
	})
}

// Prune implements [crmlog.Store].
func (s *sqlite) Prune(ctx context.Context, before time.Time) (total int64, err error) {
	limit := before.UnixMicro()
	err = s.do(ctx, func(b *batch) error {
		_, err := s.exec(b, sqliteHorizon, limit)
		return err
	})
	for n := int64(pruneBatch); err == nil && n == pruneBatch; {
		err = s.do(ctx, func(b *batch) error {
			n, err = s.exec(b, sqlitePrune, limit, pruneBatch)
			return err
		})
		if err == nil {
			total += n
		}
	}
	return total, wrap("prune", err)
}

// holding changes a digest, if the lease is still held.
func (s *sqlite) holding(ctx context.Context, what string, lease crmlog.Lease, change func(b *batch, d *sqliteRow)) error {
	return wrap(what, s.do(ctx, func(b *batch) error {
		d, err := s.held(b, lease)
		if err != nil {
			return err
		}
		change(b, d)
		_, err = s.exec(b, sqliteSave, d.values()...)
		return err
	}))
}

// held returns the lease's digest, if it is still held.
func (s *sqlite) held(b *batch, lease crmlog.Lease) (*sqliteRow, error) {
	d, err := s.digest(b, lease.Ref)
	if err == nil && (d == nil || d.fence != lease.Fence || d.leaseUntil <= b.now) {
		err = crmlog.ErrLeaseLost
	}
	return d, err
}

func (s *sqlite) stmt(b *batch, query string) *sql.Stmt {
	return b.tx.StmtContext(context.Background(), s.stmts[query])
}

func (s *sqlite) exec(b *batch, query string, args ...any) (int64, error) {
	r, err := s.stmt(b, query).ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// digest returns nil when there is none.
func (s *sqlite) digest(b *batch, ref string) (*sqliteRow, error) {
	d := &sqliteRow{ref: ref}
	var kind, messages sql.NullString
	var part, settle, fence, intendedAt, settledAt sql.NullInt64
	err := s.stmt(b, sqliteDigest).QueryRowContext(context.Background(), ref).Scan(
		&d.scope, &d.fence, &d.leaseUntil, &kind, &part, &messages, &settle, &fence, &intendedAt, &settledAt,
		&d.logID, &d.committedAt, &d.lastPart)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if kind.Valid {
		d.open = &sqliteIntention{
			kind: kind.String, part: int(part.Int64), messages: messages.String, settle: settle.Int64,
			fence: fence.Int64, intendedAt: intendedAt.Int64, settledAt: settledAt.Int64,
		}
	}
	return d, err
}

// values are the columns that change, behind the key.
func (d *sqliteRow) values() []any {
	values := append(make([]any, 0, 17), d.ref, d.fence, d.leaseUntil, nil, nil, nil, nil, nil, nil, nil)
	if o := d.open; o != nil {
		values = append(values[:3], o.kind, o.part, o.messages, o.settle, o.fence, o.intendedAt, o.settledAt)
	}
	return values
}

func (s *sqlite) parts(b *batch, d *sqliteRow) (parts []crmlog.Part, err error) {
	if d.logID.Valid {
		parts = []crmlog.Part{{Number: 1, LogID: d.logID.String, Age: duration(b.now - d.committedAt.Int64)}}
	}
	if d.lastPart <= 1 {
		return parts, nil
	}
	rows, err := s.stmt(b, sqliteParts).QueryContext(context.Background(), d.ref)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p crmlog.Part
		var committedAt int64
		if err := rows.Scan(&p.Number, &p.LogID, &committedAt); err != nil {
			return nil, err
		}
		p.Age = duration(b.now - committedAt)
		parts = append(parts, p)
	}
	return parts, rows.Err()
}

// reserve binds the messages that nobody asked for before to d, and says what is
// known of each.
func (s *sqlite) reserve(b *batch, d *sqliteRow, req *crmlog.ClaimRequest) ([]crmlog.MessageState, error) {
	if len(req.Messages) == 0 {
		return nil, nil
	}
	var known []messageRow
	var old []crmlog.ID
	for _, id := range req.Messages {
		reserved, err := s.exec(b, sqliteReserve, d.scope, string(id), d.ref)
		if err != nil {
			return nil, err
		}
		if reserved == 0 {
			old = append(old, id)
		}
	}
	if len(old) > 0 {
		var err error
		if known, err = s.messages(b, d.scope, old); err != nil {
			return nil, err
		}
	}
	return messageStates(req, known), nil
}

func (s *sqlite) messages(b *batch, scope string, asked []crmlog.ID) (known []messageRow, err error) {
	rows, err := s.stmt(b, sqliteMessages).QueryContext(context.Background(), scope, idsJSON(asked))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m messageRow
		if err := rows.Scan(&m.ID, &m.Ref, &m.Part, &m.Logged, &m.Fence, &m.LogID, &m.LastModified, &m.Status,
			&m.Platform, &m.Account, &m.User, &m.Contact, &m.Conversation, &m.Day); err != nil {
			return nil, err
		}
		known = append(known, m)
	}
	return known, rows.Err()
}

// wrap says which method failed; answers are returned as they are.
func wrap(what string, err error) error {
	if err == nil || isAnswer(err) {
		return err
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}

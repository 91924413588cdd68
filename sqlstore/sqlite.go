package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

// sqlite does its work in Go, statement by statement: the database is in the
// process, only a transaction's end costs.
type sqlite struct {
	combiner
	scopes scopes
}

const (
	sqliteFences = `UPDATE crmlog_meta SET fence = fence + ? RETURNING fence`

	sqlitePruned = `SELECT pruned_before FROM crmlog_meta`

	sqliteDigest = `SELECT scope, fence, lease_until, intention_kind, intention_part, intention_messages,
			intention_settle, intention_fence, intended_at, settled_at, log_id, committed_at, last_part
		FROM crmlog_digests WHERE ref = ?`

	sqliteInsert = `INSERT INTO crmlog_digests (fence, lease_until, intention_kind, intention_part, intention_messages,
			intention_settle, intention_fence, intended_at, settled_at,
			ref, scope, platform, account, user_id, contact_id, conversation, day)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

	sqliteSave = `UPDATE crmlog_digests SET fence = ?, lease_until = ?, intention_kind = ?, intention_part = ?, intention_messages = ?,
			intention_settle = ?, intention_fence = ?, intended_at = ?, settled_at = ?
		WHERE ref = ?`

	sqliteCommit = sqliteCommitPart + `, intention_kind = NULL, intention_part = NULL, intention_messages = NULL,
			intention_settle = NULL, intention_fence = NULL, intended_at = NULL, settled_at = NULL` + sqliteCommitWhere

	sqliteCommitNext = sqliteCommitPart + `, intention_kind = ?, intention_part = ?, intention_messages = ?,
			intention_settle = ?, intention_fence = ?, intended_at = ?, settled_at = lease_until + ?` + sqliteCommitWhere

	// The log id is NULL if it is not that of part 1.
	sqliteCommitPart = `UPDATE crmlog_digests SET lease_until = iif(?, 0, lease_until),
			committed_at = iif(log_id IS NOT coalesce(?, log_id), ?, committed_at), log_id = coalesce(?, log_id),
			last_part = max(last_part, ?)`

	// It leaves a digest alone whose intention somebody else made, unless the last
	// parameter is true.
	sqliteCommitWhere = ` WHERE ref = ? AND fence = ? AND lease_until > ?
			AND (intention_fence IS NULL OR intention_fence = fence OR ?)`

	// The cross join keeps the planner from beginning with the bigger table.
	sqliteMessages = `SELECT m.message_id, m.ref, coalesce(m.part, 0), m.logged_at IS NOT NULL, coalesce(m.fence, 0),
			coalesce(iif(m.part = 1, d.log_id, p.log_id), ''), m.last_modified, coalesce(m.status, ''),
			coalesce(d.platform, ''), coalesce(d.account, ''), coalesce(d.user_id, ''), coalesce(d.contact_id, ''),
			coalesce(d.conversation, ''), coalesce(d.day, '')
		FROM json_each(?) AS asked
		CROSS JOIN crmlog_messages AS m ON m.scope = ? AND m.message_id = asked.value
		LEFT JOIN crmlog_digests AS d ON d.ref = m.ref
		LEFT JOIN crmlog_parts AS p ON p.ref = m.ref AND p.part = m.part`

	sqliteReserve = `INSERT INTO crmlog_messages (message_id, scope, ref) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`

	sqliteParts = `SELECT part, log_id, committed_at FROM crmlog_parts WHERE ref = ? ORDER BY part`

	sqliteSetPart = `INSERT INTO crmlog_parts (ref, part, log_id, committed_at) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET log_id = excluded.log_id, committed_at = excluded.committed_at WHERE log_id <> excluded.log_id`

	sqliteScope = `SELECT scope FROM crmlog_digests WHERE ref = ?`

	// A claim has reserved the message, or it has no row: nobody asked for it, or it
	// is forgotten.
	sqliteLog = `UPDATE crmlog_messages SET ref = ?, part = ?, logged_at = ?, last_modified = ?, status = ?, fence = ?
		WHERE message_id = ? AND scope = ?`

	sqliteLogNew = `INSERT INTO crmlog_messages (ref, part, logged_at, last_modified, status, fence, message_id, scope)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`

	sqliteDoubt = `UPDATE crmlog_messages SET part = ? WHERE scope = ? AND ref = ? AND logged_at IS NULL
		AND message_id IN (SELECT value FROM json_each(?))`

	sqliteHorizon = `UPDATE crmlog_meta SET pruned_before = ? WHERE pruned_before IS NULL OR pruned_before < ?`

	sqlitePrune = `DELETE FROM crmlog_messages WHERE (message_id, scope) IN
		(SELECT message_id, scope FROM crmlog_messages WHERE logged_at < ? LIMIT ?)`
)

func newSQLite(ctx context.Context, db *sql.DB) (*sqlite, error) {
	m := migrator{
		dialect: SQLite,
		begin:   "BEGIN IMMEDIATE",
		exists:  "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'crmlog_schema'",
	}
	// The whole of it again, since even a new connection can find the file busy.
	err := retry(ctx, func() error { return m.migrate(ctx, db) })
	return &sqlite{combiner: combiner{db: db}}, err
}

// sqliteRow is what changes of a digest.
type sqliteRow struct {
	ref, scope        string
	isNew             bool // made by this claim
	fence, leaseUntil int64
	open              *sqliteIntention
	hasRecord         bool // and what follows is of part 1
	logID             string
	committedAt       int64
	lastPart          int64
}

type sqliteIntention struct {
	kind       string
	part       int64
	messages   string // JSON
	settle     int64
	fence      int64
	intendedAt int64
	settledAt  int64
}

// Claim implements [crmlog.Store].
func (s *sqlite) Claim(ctx context.Context, req crmlog.ClaimRequest) (claim crmlog.Claim, err error) {
	_, known := s.scopes.of(req.Digest.Ref)
	var d *sqliteRow
	err = s.do(ctx, func(b *batch) (err error) {
		if d, err = s.lease(b, &req, known); err != nil {
			return err
		}
		claim, err = s.claim(b, &req, d)
		return err
	})
	if err != nil {
		return crmlog.Claim{}, wrap("claim", err)
	}
	s.scopes.remember(d.ref, d.scope)
	return claim, nil
}

// lease takes the lease of a digest. One that this process does not know is most
// likely new.
func (s *sqlite) lease(b *batch, req *crmlog.ClaimRequest, known bool) (d *sqliteRow, err error) {
	if known {
		d, err = s.digest(b, req.Digest.Ref)
	}
	if d == nil && err == nil {
		if d, err = s.insert(b, req); d != nil {
			return d, nil
		}
	}
	if d == nil && err == nil {
		d, err = s.digest(b, req.Digest.Ref)
	}
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return nil, errors.New("the digest has no row and can have none")
	case d.leaseUntil > b.now:
		return nil, &crmlog.ClaimedError{RetryAfter: duration(d.leaseUntil - b.now)}
	}
	d.leaseUntil = b.now + micros(req.Lease)
	d.fence, err = s.fence(b, d.fence)
	return d, err
}

// insert makes the row of a digest that has none, else it returns nil. It supposes
// that none of the messages has one either.
func (s *sqlite) insert(b *batch, req *crmlog.ClaimRequest) (d *sqliteRow, err error) {
	of := &req.Digest
	d = &sqliteRow{ref: of.Ref, scope: of.MessageScope(), leaseUntil: b.now + micros(req.Lease), isNew: true}
	if d.fence, err = s.fence(b, 0); err != nil {
		return nil, err
	}
	if req.Intend {
		d.intend(intended(req, &crmlog.Claim{Messages: messageStates(req, nil)}), b.now)
	}
	n, err := b.exec(sqliteInsert, append(d.values(), d.ref, d.scope, of.Platform, of.Account, of.User, of.Contact, of.Conversation, of.Day)...)
	if err != nil || n == 0 {
		return nil, err
	}
	return d, nil
}

// claim does the rest for a digest whose lease was taken.
func (s *sqlite) claim(b *batch, req *crmlog.ClaimRequest, d *sqliteRow) (claim crmlog.Claim, err error) {
	claim.Lease = crmlog.Lease{Ref: d.ref, Fence: d.fence}
	if claim.PrunedBefore, err = s.prunedBefore(b); err != nil {
		return claim, err
	}
	if claim.Parts, err = s.parts(b, d); err != nil {
		return claim, err
	}
	old, err := s.reserve(b, d, req)
	if err != nil {
		return claim, err
	}
	claim.Messages = messageStates(req, old)
	if d.open != nil && !d.isNew {
		if claim.Open, err = d.open.describe(b.now); err != nil {
			return claim, err
		}
	} else if req.Intend {
		claim.Intended = intended(req, &claim)
		d.intend(claim.Intended, b.now)
	}
	if d.isNew && len(old) == 0 {
		return claim, nil // as supposed
	}
	return claim, s.save(b, d)
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

// intend opens the intention, or none.
func (d *sqliteRow) intend(in *crmlog.Intention, now int64) {
	if d.open = nil; in == nil {
		return
	}
	d.open = &sqliteIntention{
		kind: string(in.Kind), part: int64(in.Part), messages: idsJSON(in.Messages), settle: micros(in.Settle),
		fence: d.fence, intendedAt: now, settledAt: d.leaseUntil + micros(in.Settle),
	}
}

func (i *sqliteIntention) describe(now int64) (*crmlog.OpenIntention, error) {
	open := &crmlog.OpenIntention{
		Intention: crmlog.Intention{Kind: crmlog.IntentionKind(i.kind), Part: int(i.part), Settle: duration(i.settle)},
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
			if _, err := b.exec(sqliteSetPart, lease.Ref, int64(c.Part), c.LogID, b.now); err != nil {
				return err
			}
		}
		return s.log(b, lease, &c)
	}))
}

func (s *sqlite) log(b *batch, lease crmlog.Lease, c *crmlog.Commit) error {
	if len(c.Logged) == 0 {
		return nil
	}
	scope, known := s.scopes.of(lease.Ref)
	if !known {
		err := b.query(sqliteScope, func(row []driver.Value) { scope = text(row[0]) }, lease.Ref)
		if err != nil {
			return err
		}
	}
	for _, l := range c.Logged {
		values := []driver.Value{
			lease.Ref, int64(c.Part), b.now, timeValue(l.LastModified), l.Status, cmp.Or(l.Fence, lease.Fence), string(l.ID), scope,
		}
		n, err := b.exec(sqliteLog, values...)
		if err == nil && n == 0 {
			_, err = b.exec(sqliteLogNew, values...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// commit changes the digest, unless the lease is lost or, if not settling, the
// open intention is another lease's.
func (s *sqlite) commit(b *batch, lease crmlog.Lease, c *crmlog.Commit, settling bool) (done bool, err error) {
	query := sqliteCommit
	var logID driver.Value
	if c.Part == 1 {
		logID = c.LogID
	}
	args := append(make([]driver.Value, 0, 16), c.Release, logID, b.now, logID, int64(c.Part))
	if in := c.Next; in != nil {
		query = sqliteCommitNext
		settle := micros(in.Settle)
		args = append(args, string(in.Kind), int64(in.Part), idsJSON(in.Messages), settle, lease.Fence, b.now, settle)
	}
	n, err := b.exec(query, append(args, lease.Ref, lease.Fence, b.now, settling)...)
	return n > 0, err
}

// settle is commit where the open intention is another lease's: what it does not
// log of that is in doubt.
func (s *sqlite) settle(b *batch, lease crmlog.Lease, c *crmlog.Commit) error {
	d, err := s.held(b, lease)
	if err != nil {
		return err
	}
	if _, err := b.exec(sqliteDoubt, d.open.part, d.scope, d.ref, d.open.messages); err != nil {
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
		b.horizon = nil
		_, err := b.exec(sqliteHorizon, limit, limit)
		return err
	})
	for n := int64(pruneBatch); err == nil && n == pruneBatch; {
		err = s.do(ctx, func(b *batch) error {
			n, err = b.exec(sqlitePrune, limit, int64(pruneBatch))
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
		return s.save(b, d)
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

// fences are those from next to last: reserved by this process and not given out.
type fences struct{ next, last int64 }

const fencesAtOnce = 1 << 16

// fence is greater than above, which is the digest's last, and given out to nobody
// else: what others have reserved later does not come in between.
func (s *sqlite) fence(b *batch, above int64) (int64, error) {
	f := &s.fences
	if f.next > f.last || f.next <= above {
		b.reserved = true
		err := b.query(sqliteFences, func(row []driver.Value) {
			last := integer(row[0])
			*f = fences{last - fencesAtOnce + 1, last}
		}, int64(fencesAtOnce))
		if err != nil {
			return 0, err
		}
	}
	f.next++
	return f.next - 1, nil
}

func (s *sqlite) prunedBefore(b *batch) (time.Time, error) {
	if b.horizon == nil {
		b.horizon = new(time.Time)
		err := b.query(sqlitePruned, func(row []driver.Value) { *b.horizon = timeOf(optional(row[0])) })
		if err != nil {
			return time.Time{}, err
		}
	}
	return *b.horizon, nil
}

// digest returns nil when there is none.
func (s *sqlite) digest(b *batch, ref string) (d *sqliteRow, err error) {
	err = b.query(sqliteDigest, func(row []driver.Value) {
		d = &sqliteRow{ref: ref, scope: text(row[0]), fence: integer(row[1]), leaseUntil: integer(row[2])}
		if row[3] != nil {
			d.open = &sqliteIntention{
				kind: text(row[3]), part: integer(row[4]), messages: text(row[5]), settle: integer(row[6]),
				fence: integer(row[7]), intendedAt: integer(row[8]), settledAt: integer(row[9]),
			}
		}
		d.hasRecord, d.logID, d.committedAt, d.lastPart = row[10] != nil, text(row[10]), integer(row[11]), integer(row[12])
	}, ref)
	return d, err
}

func (s *sqlite) save(b *batch, d *sqliteRow) error {
	_, err := b.exec(sqliteSave, append(d.values(), d.ref)...)
	return err
}

// values are the columns that change, with room for the others.
func (d *sqliteRow) values() []driver.Value {
	values := append(make([]driver.Value, 0, 17), d.fence, d.leaseUntil, nil, nil, nil, nil, nil, nil, nil)
	if o := d.open; o != nil {
		values = append(values[:2], o.kind, o.part, o.messages, o.settle, o.fence, o.intendedAt, o.settledAt)
	}
	return values
}

func (s *sqlite) parts(b *batch, d *sqliteRow) (parts []crmlog.Part, err error) {
	if d.hasRecord {
		parts = []crmlog.Part{{Number: 1, LogID: d.logID, Age: duration(b.now - d.committedAt)}}
	}
	if d.lastPart <= 1 {
		return parts, nil
	}
	err = b.query(sqliteParts, func(row []driver.Value) {
		parts = append(parts, crmlog.Part{Number: int(integer(row[0])), LogID: text(row[1]), Age: duration(b.now - integer(row[2]))})
	}, d.ref)
	return parts, err
}

// reserve binds the messages that nobody asked for before to d, and returns what is
// known of the others.
func (s *sqlite) reserve(b *batch, d *sqliteRow, req *crmlog.ClaimRequest) ([]messageRow, error) {
	var old []crmlog.ID
	for _, id := range req.Messages {
		reserved, err := b.exec(sqliteReserve, string(id), d.scope, d.ref)
		if err != nil {
			return nil, err
		}
		if reserved == 0 {
			old = append(old, id)
		}
	}
	if len(old) == 0 {
		return nil, nil
	}
	return s.messages(b, d.scope, old)
}

func (s *sqlite) messages(b *batch, scope string, asked []crmlog.ID) (known []messageRow, err error) {
	err = b.query(sqliteMessages, func(row []driver.Value) {
		known = append(known, messageRow{
			ID: crmlog.ID(text(row[0])), Ref: text(row[1]), Part: int(integer(row[2])), Logged: integer(row[3]) != 0,
			Fence: integer(row[4]), LogID: text(row[5]), LastModified: optional(row[6]), Status: text(row[7]),
			Platform: text(row[8]), Account: text(row[9]), User: text(row[10]), Contact: text(row[11]),
			Conversation: text(row[12]), Day: text(row[13]),
		})
	}, idsJSON(asked), scope)
	return known, err
}

// scopes are those of the digests that this process claimed lately. A digest's never
// changes.
type scopes struct {
	mu          sync.Mutex
	now, before map[string]string // by ref; they change places when now is full
}

// scopesKept is more than most services have under way at once: a commit finds what
// its claim put there, or asks the database. It bounds each of the two maps.
const scopesKept = 512

func (s *scopes) of(ref string) (scope string, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if scope, known = s.now[ref]; !known {
		scope, known = s.before[ref]
	}
	return scope, known
}

func (s *scopes) remember(ref, scope string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.now) >= scopesKept {
		s.now, s.before = s.before, s.now
		clear(s.now)
	}
	if s.now == nil {
		s.now = make(map[string]string)
	}
	s.now[ref] = scope
}

// wrap says which method failed; answers are returned as they are.
func wrap(what string, err error) error {
	if err == nil || isAnswer(err) {
		return err
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}

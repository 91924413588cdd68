package crmnote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/note"
)

// Prepare checks the inputs of one adapter call, before its first request, and reads
// the logs off them. Inputs that come without a router get their digest, as
// [crmlog.Adapter] promises. Platform is the adapter's name. The error is an
// [*crmlog.InputError].
func Prepare(platform string, o note.Options, in ...crmlog.AddMessageLogInput) ([]Log, error) {
	logs := make([]Log, len(in))
	for i := range in {
		m := &in[i]
		if m.Digest.IsZero() {
			digested, err := Digested(platform, *m)
			if err != nil {
				return nil, err
			}
			m = &digested
		}
		if strings.TrimSpace(string(m.ContactInfo.ID)) == "" {
			return nil, &crmlog.InputError{Field: "contactInfo.id", Problem: "empty; give the contact's id"}
		}
		logs[i] = newLog(m, o)
	}
	return logs, nil
}

// Key is the key of the log's record: see the function [Key].
func (l Log) Key() string { return key(l.options.Key, l.options.Part) }

// Key is the key by which one of a digest's records is found in a CRM that has a
// field for an id of ours: the digest's Ref, from part 2 on with the part behind it.
// It has 29 to 34 lower-case ASCII letters, digits and hyphens.
func Key(d crmlog.DigestRef) string { return key(d.Ref, d.Part) }

func key(ref string, part int) string {
	if part > 1 {
		return fmt.Sprintf("%s-%d", ref, part)
	}
	return ref
}

// Stored is a record as the CRM returned it.
type Stored struct {
	LogID string
	Body  string
}

// maxConflicts bounds how often one update gives way to other writers.
const maxConflicts = 5

// Update changes the body of a record: read, change, write. It is what
// UpdateMessageLog, UpdateMessageLogs and AmendMessageLog have in common, and costs
// one read, and one write if there is something to change.
//
// Read returns the record as it is now. One that is not found ([crmlog.ErrNotFound])
// is a [crmlog.ErrLogGone], from read and from write. A record with another LogID is
// an error: an answer without one must not pass for an empty body, which write would
// then replace.
//
// Write replaces the body of the record that was read last. When it returns
// [crmlog.ErrConflict], for somebody else has changed the record since, it is read
// again, up to five times. So write is to be conditional where the CRM has that.
func Update(
	ctx context.Context, logID string, change Change, logs []Log,
	read func(context.Context) (Stored, error), write func(ctx context.Context, body string) error,
) ([]crmlog.UpdateResult, error) {
	var first []crmlog.UpdateResult
	for try := 1; ; try++ {
		old, err := read(ctx)
		if err == nil && old.LogID != logID {
			err = noRecord("crmnote: read record", true)
		}
		if err != nil {
			return nil, gone(err)
		}
		body, results, err := change(old.Body, logs...)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = results
		}
		for i := range results {
			// What stands in a later reading may be what this call wrote.
			results[i].AlreadyThere = results[i].AlreadyThere && first[i].AlreadyThere
		}
		if body == old.Body {
			return results, nil
		}
		err = write(ctx, body)
		if err == nil {
			return results, nil
		}
		if !errors.Is(err, crmlog.ErrConflict) || errors.Is(err, crmlog.ErrOutcomeUnknown) || try == maxConflicts {
			return nil, gone(err)
		}
	}
}

func gone(err error) error {
	if errors.Is(err, crmlog.ErrNotFound) && !errors.Is(err, crmlog.ErrLogGone) {
		return fmt.Errorf("%w: %w", crmlog.ErrLogGone, err)
	}
	return err
}

// noRecord is the error of an answer that has not the record in it; only a read has
// surely changed nothing.
func noRecord(operation string, read bool) error {
	return &crmlog.APIError{Operation: operation, Kind: crmlog.ErrUnavailable, NotDone: read, Err: errors.New("the record is not in the answer")}
}

// Found reads off the records with a digest's key, as FindMessageLogs returns them,
// which messages stand in each.
func Found(records []Stored, format note.Format, digest crmlog.DigestRef) []crmlog.FoundMessageLog {
	var found []crmlog.FoundMessageLog
	for _, r := range records {
		f, _ := Find(r.Body, format, digest)
		f.LogID, f.Part = r.LogID, digest.Part
		found = append(found, f)
	}
	return found
}

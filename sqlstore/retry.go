package sqlstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	// retryFor bounds how long what failed because of others is tried again.
	retryFor = 10 * time.Second
	// maxPause is short, since those who look seldom find an SQLite file always
	// taken by those who look often.
	maxPause = 3 * time.Millisecond
)

// retry calls f again while it fails because of what others do at the same time,
// which changed nothing.
func retry(ctx context.Context, f func() error) error {
	start := time.Now()
	for pause := maxPause / 8; ; pause = min(2*pause, maxPause) {
		err := f()
		if err == nil || !passing(err) || time.Since(start) > retryFor {
			return err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errStale: a statement of [postgres] saw a digest that changed while it ran.
var errStale = errors.New("the digest changes too often")

// passing tells errors apart without importing drivers, which agree on what to
// call these methods.
func passing(err error) bool {
	if errors.Is(err, errStale) {
		return true
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		switch state.SQLState() {
		case "40001", // serialization failure, where the isolation is set so high
			"40P01", // deadlock
			"23505": // unique violation: another digest reserved the message just now
			return true
		}
		return false
	}
	const sqliteBusy, sqliteLocked = 5, 6
	var code interface{ Code() int }
	if errors.As(err, &code) {
		c := code.Code() & 0xff // without the extended code
		return c == sqliteBusy || c == sqliteLocked
	}
	return strings.Contains(err.Error(), "database is locked")
}

package crmhttp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

// AccountKey is a key for what belongs to one CRM account: by the tenant's name
// where the caller gives it, else by the credential, of which only a hash is in
// the key.
func AccountKey(baseURL, account string, auth crmlog.AuthHeader) string {
	if account != "" {
		return baseURL + " account " + account
	}
	sum := sha256.Sum256([]byte(string(auth)))
	return baseURL + " credential " + hex.EncodeToString(sum[:])
}

const (
	// maxCached bounds a cache; a service with more accounts asks some again.
	maxCached = 10_000
	// maxLoad bounds a load whose callers have all left.
	maxLoad = 30 * time.Second
	// noneTTL is how long there is nothing: who adds it does not wait for long,
	// and not every call asks for it.
	noneTTL = time.Minute
)

// Cache remembers what rarely changes in a CRM account, such as its activity
// types. However many callers ask for a key at once, it is loaded once. It is
// safe for concurrent use, and holds at most 10,000 keys.
type Cache[T any] struct {
	ttl     time.Duration
	mu      sync.Mutex
	entries map[string]*cached[T]
}

type cached[T any] struct {
	done    chan struct{} // closed when the rest is set
	value   T
	err     error
	loaded  time.Time
	expires time.Time
}

// NewCache returns a cache that remembers values for ttl.
func NewCache[T any](ttl time.Duration) *Cache[T] {
	return &Cache[T]{ttl: ttl, entries: make(map[string]*cached[T])}
}

// Get returns the value of key, and loads it when it is not known. An error is
// returned to all who wait, and not remembered; a zero value, for "there is
// none", is remembered for a minute at the most. When ctx ends, Get returns an
// [*crmlog.APIError] that wraps its error and says NotDone, since nothing is
// written by looking something up; the load goes on for the others, with the
// values of ctx. With a ctx that has ended already, none is begun.
func (c *Cache[T]) Get(ctx context.Context, key string, load func(context.Context) (T, error)) (T, error) {
	var zero T
	if ctx.Err() != nil {
		return zero, notLoaded(ctx)
	}
	e := c.entry(ctx, key, load)
	select {
	case <-e.done:
		return e.value, e.err
	case <-ctx.Done():
		return zero, notLoaded(ctx)
	}
}

func notLoaded(ctx context.Context) error {
	return &crmlog.APIError{Operation: "look up what is remembered of the account", Kind: crmlog.ErrUnavailable, NotDone: true, Err: ctx.Err()}
}

// Forget has the value of key loaded again when it is asked for next, unless it
// was loaded within the last sixth of the cache's ttl: what a CRM refuses again
// and again must not cost a load each time.
func (c *Cache[T]) Forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil && !e.loaded.IsZero() && time.Since(e.loaded) >= c.ttl/6 {
		delete(c.entries, key)
	}
}

func (c *Cache[T]) entry(ctx context.Context, key string, load func(context.Context) (T, error)) *cached[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if e := c.entries[key]; e != nil && (e.expires.IsZero() || now.Before(e.expires)) {
		return e
	}
	c.makeRoom(now)
	e := &cached[T]{done: make(chan struct{})}
	c.entries[key] = e
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxLoad)
		defer cancel()
		value, err := load(ctx)
		ttl := c.ttl
		if reflect.ValueOf(&value).Elem().IsZero() {
			ttl = min(ttl, noneTTL)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		e.value, e.err, e.loaded = value, err, time.Now()
		e.expires = e.loaded.Add(ttl)
		if err != nil && c.entries[key] == e {
			delete(c.entries, key)
		}
		close(e.done)
	}()
	return e
}

// makeRoom makes a tenth of a full cache free, so that not each new key has to
// look through it: what has expired, and others if that is not enough.
func (c *Cache[T]) makeRoom(now time.Time) {
	if len(c.entries) < maxCached {
		return
	}
	for key, e := range c.entries {
		if !e.expires.IsZero() && !now.Before(e.expires) {
			delete(c.entries, key)
		}
	}
	for key := range c.entries {
		if len(c.entries) < maxCached*9/10 {
			return
		}
		delete(c.entries, key)
	}
}

package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

// logger hands messages to the router.
type logger struct {
	router     *crmlog.Router
	platform   string
	input      crmlog.LogInput
	submission crmlog.AdditionalSubmission
	retryFor   time.Duration
	out        *output
}

// logAll hands the messages over grouped by digest, the oldest digest first:
// one call per digest, or, by several callers, one per message.
func (l *logger) logAll(ctx context.Context, messages []crmlog.Message, callers int) {
	groups := l.group(messages)
	calls := make(chan []crmlog.Message)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for call := range calls {
				l.log(ctx, call)
			}
		})
	}
	for _, group := range groups {
		if callers == 1 {
			hand(ctx, calls, group)
			continue
		}
		for _, m := range group {
			hand(ctx, calls, []crmlog.Message{m})
		}
	}
	close(calls)
	wg.Wait()
}

func hand(ctx context.Context, calls chan<- []crmlog.Message, call []crmlog.Message) {
	if ctx.Err() != nil {
		return
	}
	select {
	case calls <- call:
	case <-ctx.Done():
	}
}

// group keeps what has no digest (deleted, or invalid: the router says so) in
// groups of its own.
func (l *logger) group(messages []crmlog.Message) [][]crmlog.Message {
	byDigest := make(map[string]int)
	var groups [][]crmlog.Message
	for _, m := range messages {
		digest, err := crmlog.NewDigestRef(l.platform, crmlog.AddMessageLogInput{
			User: l.input.User, Account: l.input.Account, ContactInfo: l.input.ContactInfo, AuthHeader: l.input.AuthHeader, Message: m,
		})
		i, known := byDigest[digest.Ref]
		if err != nil || m.IsDeleted() || !known {
			i = len(groups)
			groups = append(groups, nil)
			if err == nil {
				byDigest[digest.Ref] = i
			}
		}
		groups[i] = append(groups[i], m)
	}
	byTime := func(a, b crmlog.Message) int { return a.CreationTime.Compare(b.CreationTime) }
	for _, g := range groups {
		slices.SortStableFunc(g, byTime)
	}
	slices.SortStableFunc(groups, func(a, b []crmlog.Message) int { return byTime(a[0], b[0]) })
	return groups
}

// log makes one call, and repeats it for what failed only for now. A call that
// has begun is finished also when ctx is done, but not repeated.
func (l *logger) log(ctx context.Context, messages []crmlog.Message) {
	giveUp := time.Now().Add(l.retryFor)
	for n := 0; ; n++ {
		in := l.input
		for _, m := range messages {
			in.Messages = append(in.Messages, crmlog.MessageInput{Message: m, AdditionalSubmission: l.submission})
		}
		report, _ := l.router.Log(context.WithoutCancel(ctx), in)
		var again []crmlog.Message
		var wait time.Duration
		for i, e := range report.Entries {
			pause := max(crmlog.RetryAfter(e.Err), backoff(n))
			if crmlog.Temporary(e.Err) && ctx.Err() == nil && time.Now().Add(pause).Before(giveUp) {
				again = append(again, messages[i])
				wait = max(wait, pause)
				continue
			}
			l.out.report(e)
		}
		if len(again) == 0 {
			return
		}
		messages = again
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

func backoff(n int) time.Duration {
	d := min(100*time.Millisecond<<min(n, 10), 10*time.Second)
	return d/2 + rand.N(d/2)
}

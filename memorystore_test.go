package crmlog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/storetest"
	"github.com/stretchr/testify/require"
)

func TestMemoryStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{Volatile: true, New: func(context.Context) (storetest.Storage, error) {
		s := crmlog.NewMemoryStore()
		return storetest.Storage{Open: func(context.Context) (crmlog.Store, error) { return s, nil }}, nil
	}})
}

func TestMemoryStoreIsReadyAsItIs(t *testing.T) {
	t.Parallel()
	uses := map[string]func(s *crmlog.MemoryStore) error{
		"Prune":   func(s *crmlog.MemoryStore) error { _, err := s.Prune(t.Context(), time.Now()); return err },
		"Release": func(s *crmlog.MemoryStore) error { return s.Release(t.Context(), crmlog.Lease{Fence: 1}, 0) },
		"Claim": func(s *crmlog.MemoryStore) error {
			_, err := s.Claim(t.Context(), crmlog.ClaimRequest{Lease: time.Minute})
			return err
		},
	}
	for name, first := range uses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s crmlog.MemoryStore
			if err := first(&s); name == "Release" {
				require.ErrorIs(t, err, crmlog.ErrLeaseLost)
			} else {
				require.NoError(t, err)
			}
			c, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: crmlog.Digest{Ref: "a"}, Lease: time.Minute, Messages: []crmlog.ID{"1"}})
			require.NoError(t, err)
			require.NoError(t, s.Commit(t.Context(), c.Lease, crmlog.Commit{Part: 1, LogID: "r", Release: true}))
		})
	}
}

// The store's numbers for digests, messages and statuses are given to others when
// Prune frees them: nobody may be told of another.
func TestMemoryStoreMixesNothingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const digests, messages, claims = 300, 1500, 6000
		random := rand.New(rand.NewPCG(1, 2))
		s := crmlog.NewMemoryStore()
		type known struct {
			state crmlog.MessageState
			at    time.Time
		}
		scopes := []map[crmlog.ID]known{{}, {}, {}}
		records := make(map[string]map[int]string) // by ref and part
		digest := func(i int) crmlog.Digest {
			return crmlog.Digest{Ref: fmt.Sprint("d", i), Platform: "p", User: fmt.Sprint(i % len(scopes)), Conversation: fmt.Sprint("c", i), Day: fmt.Sprint(i)}
		}
		for n := range claims {
			i := random.IntN(digests)
			d, bound := digest(i), scopes[i%len(scopes)]
			ids := make([]crmlog.ID, 1+random.IntN(8))
			for k, id := range random.Perm(messages)[:len(ids)] {
				ids[k] = crmlog.ID(fmt.Sprint(id))
			}
			c, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: d, Lease: time.Minute, Messages: ids})
			require.NoError(t, err)
			require.Len(t, c.Parts, len(records[d.Ref]))
			for _, p := range c.Parts {
				require.Equal(t, records[d.Ref][p.Number], p.LogID)
			}
			commit := crmlog.Commit{Part: 1 + random.IntN(3), LogID: fmt.Sprint("r", n), Release: true}
			if records[d.Ref] == nil {
				records[d.Ref] = make(map[int]string)
			}
			for k, id := range ids {
				want := bound[id]
				if want.state.ID == "" {
					want.state = crmlog.MessageState{ID: id, Digest: d}
				}
				if want.state.Logged {
					want.state.LogID = records[want.state.Digest.Ref][want.state.Part]
				}
				require.Equal(t, want.state, c.Messages[k])
				if random.IntN(2) == 0 {
					l := crmlog.LoggedMessage{ID: id, LastModified: time.Unix(int64(n), 0).UTC(), Status: []string{"", "Sent", fmt.Sprint("note ", n, k)}[random.IntN(3)]}
					commit.Logged = append(commit.Logged, l)
					want = known{crmlog.MessageState{ID: id, Digest: d, Logged: true, Part: commit.Part, LastModified: l.LastModified, Status: l.Status, Fence: c.Lease.Fence}, time.Now()}
				}
				bound[id] = want
			}
			records[d.Ref][commit.Part] = commit.LogID
			require.NoError(t, s.Commit(t.Context(), c.Lease, commit))

			time.Sleep(time.Second)
			if random.IntN(500) > 0 {
				continue
			}
			before, pruned := time.Now().Add(-time.Duration(random.IntN(300))*time.Second), int64(0)
			for _, bound := range scopes {
				for id, m := range bound {
					if m.state.Logged && m.at.Before(before) {
						delete(bound, id)
						pruned++
					}
				}
			}
			got, err := s.Prune(t.Context(), before)
			require.NoError(t, err)
			require.Equal(t, pruned, got)
		}
	})
}

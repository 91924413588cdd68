package crmhttp_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
)

func TestCacheLoadsOnceForAllWhoAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache := crmhttp.NewCache[string](time.Hour)
		var loads atomic.Int32
		load := func(context.Context) (string, error) {
			loads.Add(1)
			time.Sleep(time.Second) // the bubble's clock
			return "value", nil
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if v, err := cache.Get(t.Context(), "key", load); v != "value" || err != nil {
					t.Error(v, err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, loads.Load())

		time.Sleep(59 * time.Minute)
		_, err := cache.Get(t.Context(), "key", load)
		require.NoError(t, err)
		require.EqualValues(t, 1, loads.Load(), "still fresh")
		time.Sleep(2 * time.Minute)
		_, err = cache.Get(t.Context(), "key", load)
		require.NoError(t, err)
		require.EqualValues(t, 2, loads.Load(), "expired")
		_, err = cache.Get(t.Context(), "other", load)
		require.NoError(t, err)
		require.EqualValues(t, 3, loads.Load(), "another key")
	})
}

func TestCacheRemembersNoError(t *testing.T) {
	t.Parallel()
	cache := crmhttp.NewCache[int](time.Hour)
	_, err := cache.Get(t.Context(), "key", func(context.Context) (int, error) { return 0, errors.New("down") })
	require.EqualError(t, err, "down")
	v, err := cache.Get(t.Context(), "key", func(context.Context) (int, error) { return 7, nil })
	require.NoError(t, err)
	require.Equal(t, 7, v)
}

func TestCacheRemembersForAMinuteThatThereIsNone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ttl, again time.Duration
		value      []string
	}{
		"a value":                    {time.Hour, time.Hour, []string{"x"}},
		"a value that is only empty": {time.Hour, time.Hour, []string{}},
		"none":                       {time.Hour, time.Minute, nil},
		"none, in a short memory":    {time.Second, time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cache := crmhttp.NewCache[[]string](tc.ttl)
				loads := 0
				get := func() {
					_, err := cache.Get(t.Context(), "key", func(context.Context) ([]string, error) { loads++; return tc.value, nil })
					require.NoError(t, err)
				}
				get()
				time.Sleep(tc.again - 1)
				get()
				require.Equal(t, 1, loads)
				time.Sleep(time.Nanosecond)
				get()
				require.Equal(t, 2, loads)
			})
		})
	}
}

func TestCacheForgetsButNotWhatIsFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache := crmhttp.NewCache[int](time.Hour)
		loads := 0
		get := func(key string) {
			_, err := cache.Get(t.Context(), key, func(context.Context) (int, error) {
				cache.Forget(key) // as a load may that is refused
				loads++
				return 7, nil
			})
			require.NoError(t, err)
		}
		get("key")
		get("other")
		time.Sleep(10*time.Minute - 1)
		cache.Forget("key")
		get("key")
		require.Equal(t, 2, loads, "fresh")
		time.Sleep(time.Nanosecond)
		cache.Forget("key")
		cache.Forget("unknown")
		get("key")
		get("other")
		require.Equal(t, 3, loads)
	})
}

func TestCacheCallerThatLeavesDoesNotSpoilTheLoadForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache := crmhttp.NewCache[int](time.Hour)
		load := func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			return 7, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := cache.Get(ctx, "key", load)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var api *crmlog.APIError
		require.ErrorAs(t, err, &api)
		require.True(t, api.NotDone, "nothing is written by a look-up")
		_, err = cache.Get(ctx, "another", func(context.Context) (int, error) { panic("begun for nobody") })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		v, err := cache.Get(t.Context(), "key", func(context.Context) (int, error) { return 0, errors.New("loaded twice") })
		require.NoError(t, err)
		require.Equal(t, 7, v)
	})
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	cache := crmhttp.NewCache[int](time.Hour)
	var loads int
	get := func(i int) {
		_, err := cache.Get(t.Context(), fmt.Sprint(i), func(context.Context) (int, error) { loads++; return i, nil })
		require.NoError(t, err)
	}
	for i := range 12_000 {
		get(i)
	}
	loads = 0
	for i := range 12_000 {
		get(i)
	}
	require.GreaterOrEqual(t, loads, 2_000, "what no longer has room is loaded anew")
}

func TestAccountKey(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, k := range []string{
		crmhttp.AccountKey("https://a", "acme", "Bearer x"), crmhttp.AccountKey("https://b", "acme", "Bearer x"),
		crmhttp.AccountKey("https://a", "", "Bearer x"), crmhttp.AccountKey("https://a", "", "Bearer y"),
	} {
		require.NotContains(t, k, "Bearer")
		keys[k] = true
	}
	require.Len(t, keys, 4)
	require.Equal(t, crmhttp.AccountKey("https://a", "acme", "Bearer x"), crmhttp.AccountKey("https://a", "acme", "Bearer refreshed"))
}

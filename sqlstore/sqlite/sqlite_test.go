package sqlite_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var request = crmlog.ClaimRequest{
	Digest: crmlog.Digest{Ref: "c1-a", Platform: "test", User: "u", Contact: "c", Conversation: "c1", Day: "2026-03-01"},
	Lease:  time.Minute,
}

func open(t *testing.T, path string) *sqlite.Store {
	s, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestPathIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"plain.db", "with space.db", "a?b.db", "a#b.db", "100%.db", "%41.db", "a&_pragma=x.db", "a+b.db", "Ünï 日本.db", "a'b\"c.db", "-x.db",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := open(t, filepath.Join(dir, name))
			_, err := s.Claim(t.Context(), request)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			files, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, files, 1)
			require.Equal(t, name, files[0].Name())
		})
	}
}

func TestRelativePathStaysWhereItWas(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	s := open(t, "store.db")
	t.Chdir(t.TempDir())
	// A connection that is made anew must find the same file.
	s.DB().SetMaxIdleConns(0)
	_, err := s.Claim(t.Context(), request)
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(dir, "store.db"))
	require.NoError(t, err)
	require.NotZero(t, info.Size())
	require.NoFileExists(t, "store.db")
}

func TestOnlyTheOwnerCanRead(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("has no file modes")
	}
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "store.db"))
	_, err := s.Claim(t.Context(), request)
	require.NoError(t, err)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 3) // with -wal and -shm
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), f.Name())
	}
}

func TestModeOfAFileThatIsThereStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	require.NoError(t, os.WriteFile(path, nil, 0o640))
	open(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
}

func TestConnectionIsSetForDurability(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	s.DB().SetMaxIdleConns(0) // each question on a new connection
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		require.NoError(t, s.DB().QueryRow("PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	t.Parallel()
	for path, mend := range map[string]string{
		"":                   "give the file's path",
		":memory:":           "NewMemoryStore",
		"file::memory:":      "NewMemoryStore",
		"file:store.db?x=1":  "the file's path as it is",
		"store\x00.db":       "NUL",
		"sub/:memory:?x=y":   "NewMemoryStore",
		"file:/var/store.db": "the file's path as it is",
	} {
		_, err := sqlite.Open(t.Context(), path)
		var input *crmlog.InputError
		require.ErrorAs(t, err, &input, path)
		require.ErrorContains(t, err, mend, path)
	}
}

func TestWhatCannotBeOpenedSaysWhich(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600))
	for _, path := range []string{filepath.Join(dir, "missing", "store.db"), dir, text} {
		_, err := sqlite.Open(t.Context(), path)
		require.ErrorContains(t, err, "sqlite: ")
		require.ErrorContains(t, err, filepath.Base(path))
	}
}

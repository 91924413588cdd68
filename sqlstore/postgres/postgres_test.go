package postgres_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "c4n4ry"

func TestDSNThatCannotBeParsedIsNotRepeated(t *testing.T) {
	t.Parallel()
	for i, dsn := range []string{
		"postgres://user:" + secret + "@host:port/db",
		"postgres://user:" + secret + "@host/db?sslmode=sometimes",
		"postgres://user:%zz" + secret + "@host/db",
		"postgres://user:x@" + secret + "@host/db",
		"postgres://user:x/" + secret + "@host/db",
		"postgres://user:1/" + secret + "@host:5432/db?sslmode=disable",
		"postgres://" + secret + "@host:" + secret + "/db",
		"host=h password=" + secret + " port=x",
		"host=h password='" + secret,
		"mysql://user:" + secret + "@host/db",
	} {
		_, err := postgres.Open(t.Context(), dsn)
		var input *crmlog.InputError
		require.ErrorAs(t, err, &input, "%d", i)
		require.ErrorContains(t, err, "dsn: ")
		require.NotContains(t, err.Error(), secret)
	}
}

func TestServerThatIsNotThereIsNamedWithoutThePassword(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = postgres.Open(t.Context(), "postgres://user:"+secret+"@"+address+"/db")
	require.ErrorContains(t, err, "postgres: ")
	require.ErrorContains(t, err, address)
	require.NotContains(t, err.Error(), secret)
}

func TestServerThatDoesNotAnswerIsNotWaitedForBeyondTheContext(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = postgres.Open(ctx, "postgres://user:"+secret+"@"+l.Addr().String()+"/db?sslmode=disable")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotContains(t, err.Error(), secret)
	require.Less(t, time.Since(start), 5*time.Second)
}

package pipedrive_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
	"github.com/stretchr/testify/require"
)

// logToFake logs texts of one day to a fake Pipedrive and returns its notes.
func logToFake(t *testing.T, texts []string) (notes []string, requests int) {
	t.Helper()
	fake := pipedrivetest.New(pipedrivetest.Config{})
	web := httptest.NewServer(fake)
	defer web.Close()
	adapter, err := pipedrive.New(pipedrive.Config{BaseURL: web.URL})
	require.NoError(t, err)
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: pipedrive.Platform})
	require.NoError(t, err)
	in := crmlog.LogInput{
		User: crmlog.User{ID: "7", Name: "Sam Seller"}, ContactInfo: crmlog.ContactInfo{ID: "42", Name: "Ann Lee"}, AuthHeader: "Bearer x",
	}
	for i, text := range texts {
		in.Messages = append(in.Messages, crmlog.MessageInput{Message: crmlog.Message{
			ID: crmlog.ID(fmt.Sprint(3_062_991_514_017 + i)), Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionInbound,
			CreationTime: time.Date(2026, 3, 10, 8, 0, i, 0, time.UTC), Subject: text,
			Conversation: crmlog.Conversation{ID: "5"},
		}})
	}
	report, err := router.Log(t.Context(), in)
	require.NoError(t, err)
	for _, e := range report.Entries {
		require.NoError(t, e.Err)
	}
	require.NoError(t, router.Shutdown(t.Context()))
	for _, a := range fake.Activities() {
		require.LessOrEqual(t, len(a.Note), 90_000)
		notes = append(notes, note.Text(a.Note, note.HTML))
	}
	return notes, len(fake.Requests())
}

func TestDayOfManyTextsGoesOnOverActivities(t *testing.T) {
	t.Parallel()
	var texts []string
	for i := range 1500 {
		texts = append(texts, fmt.Sprintf("%04d %s", i, strings.Repeat("x", 95)))
	}
	notes, requests := logToFake(t, texts)
	require.Len(t, notes, 3, "about 240,000 bytes in notes of 90,000")
	rest := strings.Join(notes, "\n")
	for _, text := range texts {
		require.Equal(t, 1, strings.Count(rest, text), "once, and in order")
		_, rest, _ = strings.Cut(rest, text)
	}
	t.Logf("1,500 texts: %d activities, %d requests", len(notes), requests)
}

func TestTextLongerThanANoteIsWhole(t *testing.T) {
	t.Parallel()
	var long strings.Builder
	for i := range 140_000 {
		long.WriteRune('а' + rune(i%7919)%32) // two bytes each
	}
	notes, requests := logToFake(t, []string{"before", long.String(), "after"})
	require.Greater(t, len(notes), 3)
	letters := strings.Map(func(r rune) rune {
		if r < 'а' || r > 'я' {
			return -1
		}
		return r
	}, strings.Join(notes, ""))
	require.True(t, letters == long.String(), "every letter stands, in order: %d of %d bytes", len(letters), long.Len())
	require.Contains(t, notes[len(notes)-1], "after")
	t.Logf("a text of 280,000 bytes: %d activities, %d requests", len(notes), requests)
}

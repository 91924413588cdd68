package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuickstartShowsADay(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), "memory", false, &out))
	events, records, ok := strings.Cut(out.String(), "The CRM's records:")
	require.True(t, ok)
	require.Regexp(t, `duplicate +2026-03-10 .*the same again`, events)
	require.Regexp(t, `added +2026-03-11 .*past midnight`, events)

	require.Equal(t, 1, strings.Count(records, "can you hold the blue one"))
	inOrder(t, records, "do you sell the <blue> city bike", "It is $1,240 with lights & lock.")
	inOrder(t, records, "can you hold the blue one", "Which size do you need?", "does this basket fit?", "basket.jpg",
		"on its way to you by post", "not delivered", "see you on Thursday", "thanks for your patience", "Make that Friday")
	inOrder(t, records, "Our order:", "P.S. we need it by Monday", "free over $1,000")
	for _, part := range []string{"Voicemail (0:42)", "Fax (3 pages)", "call me back about the delivery"} {
		require.Contains(t, records, part)
	}
}

func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		_, after, ok := strings.Cut(text, p)
		require.True(t, ok, "%q is missing or out of order", p)
		text = after
	}
}

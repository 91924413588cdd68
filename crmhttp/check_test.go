package crmhttp_test

import (
	"encoding/json"
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
)

func TestCompanyURLTakesTheCRMsOwnHostsAlone(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"acme.crm.example", "ACME.crm.Example", "eu.acme.crm.example"} {
		u, err := crmhttp.CompanyURL("user.hostname", host, "crm.example")
		require.NoError(t, err, host)
		require.Contains(t, []string{"https://acme.crm.example", "https://eu.acme.crm.example"}, u)
	}
	for _, host := range []string{
		"", "crm.example", ".crm.example", "evilcrm.example", "acme.crm.example.evil", "evil/acme.crm.example", "evil?.crm.example",
		"evil#.crm.example", "user@acme.crm.example", "acme.crm.example:8443", "https://acme.crm.example", "acme.crm.example/", "a b.crm.example",
		"acme.crm.example.", "a\u212ame.crm.example", "evil\\.crm.example",
	} {
		_, err := crmhttp.CompanyURL("user.hostname", host, "crm.example")
		var input *crmlog.InputError
		require.ErrorAs(t, err, &input, host)
		require.Equal(t, "user.hostname", input.Field)
		require.NotContains(t, err.Error(), "evil")
	}
}

func TestNumberIsWrittenAsTheCRMWritesIt(t *testing.T) {
	t.Parallel()
	n, err := crmhttp.Number("contactInfo.id", "9007199254740993")
	require.NoError(t, err)
	require.EqualValues(t, 9007199254740993, n)
	for _, id := range []crmlog.ID{"", "0", "-1", "+1", "01", " 1", "1.0", "1e3", "9223372036854775808", "abc", "../1"} {
		_, err := crmhttp.Number("contactInfo.id", id)
		require.ErrorIs(t, err, crmlog.ErrInvalidInput, string(id))
	}
}

func TestFlagReadsWhatAPIsSend(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]crmhttp.Flag{
		`true`: true, `1`: true, `"1"`: true, `"true"`: true, `false`: false, `0`: false, `"0"`: false, `null`: false, `{}`: false,
	} {
		var f crmhttp.Flag
		require.NoError(t, json.Unmarshal([]byte(text), &f))
		require.Equal(t, want, f, text)
	}
}

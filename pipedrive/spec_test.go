package pipedrive_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The OpenAPI files use no references and no alternatives for what is sent, and
// an OpenAPI validator lets unlisted keys and parameters pass, which Pipedrive
// does not: this short walk is stricter.

type schema struct {
	Type       string            `yaml:"type"`
	Enum       []string          `yaml:"enum"`
	Properties map[string]schema `yaml:"properties"`
	Items      *schema           `yaml:"items"`
}

type operation struct {
	Parameters []struct {
		In     string `yaml:"in"`
		Name   string `yaml:"name"`
		Schema schema `yaml:"schema"`
	} `yaml:"parameters"`
	RequestBody *struct {
		Content map[string]struct {
			Schema schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"requestBody"`
}

// apiSpec is what the official files say, by "POST /api/v2/activities/{id}".
type apiSpec map[string]operation

// theSpec is false when CRMLOG_SHARED is not set. The files are Pipedrive's, so
// the repository has no copy.
func theSpec(t *testing.T) (apiSpec, bool) {
	t.Helper()
	spec, err := loadSpec()
	require.NoError(t, err)
	return spec, spec != nil
}

var loadSpec = sync.OnceValues(func() (apiSpec, error) {
	shared := os.Getenv("CRMLOG_SHARED")
	if shared == "" {
		return nil, nil
	}
	all := apiSpec{}
	for _, name := range []string{"pipedrive-v1.yaml", "pipedrive-v2.yaml"} {
		raw, err := os.ReadFile(filepath.Join(shared, "specs", name))
		if err != nil {
			return nil, fmt.Errorf("CRMLOG_SHARED: %w", err)
		}
		var doc struct {
			Servers []struct {
				URL string `yaml:"url"`
			} `yaml:"servers"`
			Paths map[string]map[string]operation `yaml:"paths"`
		}
		if err := yaml.Unmarshal(raw, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(doc.Servers) == 0 {
			return nil, fmt.Errorf("%s: no servers", name)
		}
		server, err := url.Parse(doc.Servers[0].URL)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for path, methods := range doc.Paths {
			for method, op := range methods {
				all[strings.ToUpper(method)+" "+server.Path+path] = op
			}
		}
	}
	return all, nil
})

// find is the operation of a request, and its name.
func (spec apiSpec) find(s sent) (string, operation, bool) {
	name := s.call()
	op, ok := spec[name]
	if !ok {
		name = s.method + " " + s.url.Path[:strings.LastIndexByte(s.url.Path, '/')+1] + "{id}"
		op, ok = spec[name]
	}
	return name, op, ok
}

// check says what in a request is not as the specification has it.
func (spec apiSpec) check(s sent) error {
	_, op, ok := spec.find(s)
	if !ok {
		return errors.New("no such path or method")
	}
	params := map[string]schema{}
	for _, p := range op.Parameters {
		if p.In == "query" {
			params[p.Name] = p.Schema
		}
	}
	for name, values := range s.url.Query() {
		p, ok := params[name]
		if !ok || len(values) != 1 {
			return fmt.Errorf("query parameter %s is not listed, or is there twice", name)
		}
		if err := p.checkText(values[0]); err != nil {
			return fmt.Errorf("query parameter %s: %w", name, err)
		}
	}
	if op.RequestBody == nil || len(s.body) == 0 {
		if (op.RequestBody == nil) != (len(s.body) == 0) {
			return errors.New("a body where there is to be none, or none where there is to be one")
		}
		return nil
	}
	content, ok := op.RequestBody.Content[s.header.Get("Content-Type")]
	if !ok {
		return errors.New("another content type than listed")
	}
	dec := json.NewDecoder(bytes.NewReader(s.body))
	dec.UseNumber()
	var body any
	if err := dec.Decode(&body); err != nil {
		return err
	}
	return content.Schema.check("body", body)
}

func (p schema) checkText(v string) error {
	var err error
	switch p.Type {
	case "integer":
		_, err = strconv.ParseInt(v, 10, 64)
	case "boolean":
		_, err = strconv.ParseBool(v)
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, v) {
		err = errors.New("not in the enumeration")
	}
	return err
}

func (p schema) check(at string, v any) error {
	wrong := fmt.Errorf("%s is a %T, not of type %q", at, v, p.Type)
	switch v := v.(type) {
	case string:
		if p.Type != "string" {
			return wrong
		}
		return p.checkText(v)
	case json.Number:
		if _, err := strconv.ParseInt(v.String(), 10, 64); err != nil || p.Type != "integer" {
			return wrong
		}
		return nil
	case bool:
		if p.Type != "boolean" {
			return wrong
		}
		return nil
	case []any:
		if p.Type != "array" {
			return wrong
		}
		for i, e := range v {
			if err := p.Items.check(at+"["+strconv.Itoa(i)+"]", e); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		if p.Type != "object" {
			return wrong
		}
		for key, e := range v {
			part, ok := p.Properties[key]
			if !ok {
				return fmt.Errorf("%s.%s is not listed", at, key)
			}
			if err := part.check(at+"."+key, e); err != nil {
				return err
			}
		}
		return nil
	}
	return wrong // null too: the files know none
}

// All tests of this package hold what they send against the specification; this
// one sees to it that all operations are among it, and that it was looked at.
func TestEveryRequestIsAsTheSpecificationSays(t *testing.T) {
	t.Parallel()
	spec, ok := theSpec(t)
	if !ok {
		t.Skip("CRMLOG_SHARED names no folder with specs/pipedrive-v1.yaml and pipedrive-v2.yaml")
	}
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	ctx := t.Context()
	in := inputWith(func(in *crmlog.AddMessageLogInput) {
		in.User.Name = ""
		in.ContactInfo.OrganizationID = "3"
	})
	first, err := s.adapter.AddMessageLog(ctx, in)
	require.NoError(t, err)
	for id, submission := range map[string]crmlog.AdditionalSubmission{"9002": {"deals": "12"}, "9003": {"leads": leadID}} {
		in.Message.ID, in.AdditionalSubmission = crmlog.ID(id), submission
		_, err = s.adapter.UpdateMessageLog(ctx, crmlog.UpdateMessageLogInput{
			AddMessageLogInput: in, ExistingMessageLog: crmlog.ExistingMessageLog{LogID: first.LogID},
		})
		require.NoError(t, err)
	}
	for _, submission := range []crmlog.AdditionalSubmission{{"deals": 12}, {"leads": leadID}} {
		for range 6 {
			in.AdditionalSubmission = submission
			_, err = s.adapter.AddMessageLog(ctx, in)
			require.NoError(t, err)
		}
	}
	digest, err := crmlog.NewDigestRef(pipedrive.Platform, in)
	require.NoError(t, err)
	found, err := s.adapter.FindMessageLogs(ctx, crmlog.FindInput{
		User: in.User, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader, Digest: digest,
	})
	require.NoError(t, err)
	require.Len(t, found, 13, "more than one page")

	used := map[string]int{}
	for _, sent := range s.wire.sent() {
		require.NoError(t, spec.check(sent), sent.call())
		name, _, _ := spec.find(sent)
		used[name]++
	}
	require.Equal(t, map[string]int{
		"GET /v1/users/me": 1, "GET /v1/activityTypes": 1,
		"POST /api/v2/activities": 13, "GET /api/v2/activities": 2,
		"GET /api/v2/activities/{id}": 2, "PATCH /api/v2/activities/{id}": 2,
	}, used)
}

func TestTheSpecificationCheckFindsFaults(t *testing.T) {
	t.Parallel()
	spec, ok := theSpec(t)
	if !ok {
		t.Skip("CRMLOG_SHARED names no folder with specs/pipedrive-v1.yaml and pipedrive-v2.yaml")
	}
	for name, tc := range map[string]struct {
		method, target, body string
		right                bool
	}{
		"a right body":               {"POST", "/api/v2/activities", `{"subject":"a","deal_id":3,"done":true,"participants":[{"person_id":4,"primary":true}]}`, true},
		"a right query":              {"GET", "/api/v2/activities?person_id=4&sort_by=add_time&sort_direction=desc&limit=20", "", true},
		"an unlisted key":            {"POST", "/api/v2/activities", `{"subject":"a","private":true}`, false},
		"an unlisted inner key":      {"POST", "/api/v2/activities", `{"participants":[{"person_id":4,"primary_flag":true}]}`, false},
		"a number in quotes":         {"PATCH", "/api/v2/activities/4", `{"deal_id":"3"}`, false},
		"an empty string for an id":  {"PATCH", "/api/v2/activities/4", `{"deal_id":""}`, false},
		"a null":                     {"PATCH", "/api/v2/activities/4", `{"deal_id":null}`, false},
		"a fraction for an integer":  {"PATCH", "/api/v2/activities/4", `{"deal_id":3.5}`, false},
		"a number for a boolean":     {"PATCH", "/api/v2/activities/4", `{"done":1}`, false},
		"a list for an object":       {"PATCH", "/api/v2/activities/4", `{"participants":{"person_id":4}}`, false},
		"no body":                    {"PATCH", "/api/v2/activities/4", "", false},
		"a body with a GET":          {"GET", "/api/v2/activities/4", "{}", false},
		"an unlisted parameter":      {"GET", "/api/v2/activities?type=sms", "", false},
		"a word for an integer":      {"GET", "/api/v2/activities?limit=many", "", false},
		"no value of an enumeration": {"GET", "/api/v2/activities?sort_by=subject", "", false},
		"a parameter twice":          {"GET", "/api/v2/activities?limit=1&limit=2", "", false},
		"an unknown path":            {"GET", "/api/v2/users/me", "", false},
		"an unknown method":          {"PUT", "/api/v2/activities/4", `{"note":"a"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, err := url.Parse(tc.target)
			require.NoError(t, err)
			h := http.Header{}
			if tc.body != "" {
				h.Set("Content-Type", "application/json")
			}
			err = spec.check(sent{method: tc.method, url: target, header: h, body: []byte(tc.body)})
			require.Equal(t, tc.right, err == nil, "%v", err)
		})
	}
}

package pipedrivetest_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

// schema is as much of an OpenAPI schema as the tests need.
type schema struct {
	Type       string            `yaml:"type"`
	Properties map[string]schema `yaml:"properties"`
	Items      *schema           `yaml:"items"`
	AllOf      []schema          `yaml:"allOf"`
}

type operation struct {
	Cost       int `yaml:"x-token-cost"`
	Parameters []struct {
		In   string `yaml:"in"`
		Name string `yaml:"name"`
	} `yaml:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct {
			Schema schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"responses"`
}

func (o operation) body() map[string]schema {
	return o.RequestBody.Content["application/json"].Schema.Properties
}

// data are the properties of "data" in the answer.
func (o operation) data() map[string]schema {
	for _, part := range o.Responses["200"].Content["application/json"].Schema.AllOf {
		if data, ok := part.Properties["data"]; ok {
			all := maps.Clone(data.Properties)
			if data.Items != nil {
				all = maps.Clone(data.Items.Properties)
			}
			for _, part := range data.AllOf {
				if all == nil {
					all = map[string]schema{}
				}
				maps.Copy(all, part.Properties)
			}
			return all
		}
	}
	return nil
}

func (o operation) query() []string {
	names := []string{}
	for _, p := range o.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// spec reads an official OpenAPI file, such as pipedrive-v2.yaml, of the folder
// CRMLOG_SHARED/specs. The files are Pipedrive's, so the repository has no copy.
func spec(t *testing.T, name string) map[string]map[string]operation {
	t.Helper()
	shared := os.Getenv("CRMLOG_SHARED")
	if shared == "" {
		t.Skip("CRMLOG_SHARED names no folder with specs/" + name)
	}
	raw, err := os.ReadFile(filepath.Join(shared, "specs", name))
	require.NoError(t, err)
	var doc struct {
		Paths map[string]map[string]operation `yaml:"paths"`
	}
	require.NoError(t, yaml.Unmarshal(raw, &doc))
	return doc.Paths
}

func TestFieldsAreThoseOfTheSpec(t *testing.T) {
	t.Parallel()
	paths := spec(t, "pipedrive-v2.yaml")
	post, patch := paths["/activities"]["post"].body(), paths["/activities/{id}"]["patch"].body()
	require.Equal(t, post, patch, "one body for both")

	// person_id is in the file but refused, outcome is in the SDK only.
	want := append(slices.Sorted(maps.Keys(post)), "outcome")
	want = slices.DeleteFunc(want, func(name string) bool { return name == "person_id" })
	slices.Sort(want)
	require.Equal(t, slices.Compact(want), pipedrivetest.BodyFields())

	require.Equal(t, paths["/activities"]["get"].query(), pipedrivetest.ListParams())
	require.Equal(t, paths["/persons/{id}"]["get"].query(), pipedrivetest.PersonParams())
}

func TestTypesAreThoseOfTheSpec(t *testing.T) {
	t.Parallel()
	samples := map[string]string{"string": `"x"`, "integer": `5`, "boolean": `true`, "object": `{}`, "array": `[]`}
	special := map[string]string{
		"type": `"sms"`, "lead_id": `"` + lead + `"`, "due_date": `"2031-05-06"`, "due_time": `"09:30"`, "duration": `"00:30"`,
		"participants": `[{"person_id":5,"primary":true}]`,
	}
	a := start(t, pipedrivetest.Config{})
	a.add("")
	// check sends a value of each type; the right one alone may pass.
	check := func(name string, s schema, wrap func(value string) string) {
		for kind, value := range samples {
			if kind == s.Type && special[name] != "" {
				value = special[name]
			}
			ans := a.do("PATCH", "/api/v2/activities/1", wrap(value))
			if kind == s.Type {
				require.Equal(t, 200, ans.status, "%s: %s", name, ans.raw)
			} else {
				require.Equal(t, 400, ans.status, "%s takes a JSON %s", name, kind)
				require.Contains(t, ans.err(), name+": This value should be of type "+s.Type+".")
			}
		}
	}
	for name, s := range spec(t, "pipedrive-v2.yaml")["/activities/{id}"]["patch"].body() {
		if name == "person_id" {
			continue
		}
		check(name, s, func(value string) string { return `{"` + name + `":` + value + `}` })
		switch {
		case s.Type == "object":
			for key, part := range s.Properties {
				check(name+"."+key, part, func(value string) string { return `{"` + name + `":{"` + key + `":` + value + `}}` })
			}
		case name == "attendees":
			for key, part := range s.Items.Properties {
				check(name+".0."+key, part, func(value string) string { return `{"` + name + `":[{"` + key + `":` + value + `}]}` })
			}
		case name == "participants":
			require.Equal(t, []string{"person_id", "primary"}, slices.Sorted(maps.Keys(s.Items.Properties)))
		}
	}
}

func TestCostsAreThoseOfTheSpec(t *testing.T) {
	t.Parallel()
	v1, v2 := spec(t, "pipedrive-v1.yaml"), spec(t, "pipedrive-v2.yaml")
	a := start(t, pipedrivetest.Config{})
	for _, tc := range []struct {
		paths        map[string]map[string]operation
		prefix, path string
		methods      []string
	}{
		{v1, "/v1", "/users/me", []string{"get"}},
		{v1, "/v1", "/activityTypes", []string{"get"}},
		{v2, "/api/v2", "/persons/{id}", []string{"get"}},
		{v2, "/api/v2", "/activities", []string{"get", "post"}},
		{v2, "/api/v2", "/activities/{id}", []string{"get", "patch", "delete"}},
	} {
		for _, method := range tc.methods {
			a.ResetRequests()
			a.do(strings.ToUpper(method), tc.prefix+strings.Replace(tc.path, "{id}", "1", 1), "")
			require.NotZero(t, a.Tokens())
			require.Equal(t, tc.paths[tc.path][method].Cost, a.Tokens(), method+" "+tc.path)
		}
	}
}

func TestAnswersHaveTheKeysOfTheSpec(t *testing.T) {
	t.Parallel()
	v1, v2 := spec(t, "pipedrive-v1.yaml"), spec(t, "pipedrive-v2.yaml")
	a := start(t, pipedrivetest.Config{})
	a.add("")
	keys := func(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
	want := func(o operation, more ...string) []string {
		names := append(slices.Collect(maps.Keys(o.data())), more...)
		slices.Sort(names)
		return slices.Compact(names)
	}
	activity := v2["/activities/{id}"]["get"]
	require.Equal(t, want(activity, "private", "outcome"), keys(a.do("GET", "/api/v2/activities/1?include_fields=attendees", "").data()))

	require.Equal(t, want(v1["/activityTypes"]["get"]), keys(a.do("GET", "/v1/activityTypes", "").body["data"].([]any)[0].(map[string]any)))

	me := want(v1["/users/me"]["get"])
	for _, name := range keys(a.do("GET", "/v1/users/me", "").data()) {
		require.Contains(t, me, name)
	}
	person := want(v2["/persons/{id}"]["get"])
	for _, name := range keys(a.do("GET", "/api/v2/persons/5", "").data()) {
		require.Contains(t, person, name)
	}
}

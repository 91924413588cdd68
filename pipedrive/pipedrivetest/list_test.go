package pipedrivetest_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

// startWithFive has five activities, an hour apart from noon on:
//
//	1: deal, person 5        due on the 3rd
//	2: lead, person 6 (+5)   due on the 2nd
//	3: owner 8, org          due on the 1st
//	4: done, person 5        due on the 2nd
//	5: deleted, person 5
func startWithFive(t *testing.T, cfg pipedrivetest.Config) *api {
	a := start(t, cfg)
	for _, members := range []string{
		`"deal_id":9,"participants":[{"person_id":5,"primary":true}],"due_date":"2031-05-03"`,
		`"lead_id":"` + lead + `","participants":[{"person_id":6,"primary":true},{"person_id":5}],"due_date":"2031-05-02"`,
		`"owner_id":8,"org_id":3,"due_date":"2031-05-01"`,
		`"done":true,"participants":[{"person_id":5,"primary":true}],"due_date":"2031-05-02","attendees":[{"name":"Kim"}]`,
		`"participants":[{"person_id":5,"primary":true}]`,
	} {
		a.add(members)
		a.clock.Advance(time.Hour)
	}
	a.DeleteActivity(5)
	return a
}

func TestList(t *testing.T) {
	t.Parallel()
	a := startWithFive(t, pipedrivetest.Config{})
	a.do("PATCH", "/api/v2/activities/2", `{"note":"x"}`) // the last to be updated
	for _, tc := range []struct {
		query string
		want  []int64
	}{
		{"", []int64{1, 2, 3, 4}},
		{"ids=4,1,99,5", []int64{1, 4}},
		{"owner_id=8", []int64{3}},
		{"deal_id=9", []int64{1}},
		{"lead_id=" + lead, []int64{2}},
		{"lead_id=" + strings.ToUpper(lead), []int64{2}},
		{"org_id=3", []int64{3}},
		{"person_id=5", []int64{1, 4}}, // 2 has him too, but not as the primary
		{"person_id=6", []int64{2}},
		{"person_id=7", []int64{}},
		{"done=true", []int64{4}},
		{"done=false", []int64{1, 2, 3}},
		{"person_id=5&done=true", []int64{4}},
		{"person_id=5&deal_id=9&ids=1,2", []int64{1}},
		{"updated_since=2031-05-06T14:00:00Z", []int64{2, 3, 4}},
		{"updated_since=2031-05-06T14:00:01Z", []int64{2, 4}},
		{"updated_until=2031-05-06T14:00:00Z", []int64{1}},
		{"updated_since=2031-05-06T14:00:00Z&updated_until=2031-05-06T15:00:00Z", []int64{3}},
		{"filter_id=1&person_id=6&deal_id=1&lead_id=" + lead + "&org_id=9&owner_id=1&ids=77", []int64{1, 2, 3, 4}},
		{"filter_id=1&done=true", []int64{4}},
		{"sort_direction=desc", []int64{4, 3, 2, 1}},
		{"sort_by=update_time", []int64{1, 3, 4, 2}},
		{"sort_by=update_time&sort_direction=desc", []int64{2, 4, 3, 1}},
		{"sort_by=add_time&sort_direction=desc", []int64{4, 3, 2, 1}},
		{"sort_by=due_date", []int64{3, 2, 4, 1}},
		{"sort_by=due_date&sort_direction=desc", []int64{1, 4, 2, 3}},
		{"limit=2", []int64{1, 2}},
		{"limit=4", []int64{1, 2, 3, 4}},
		{"limit=500", []int64{1, 2, 3, 4}},
	} {
		t.Run(tc.query, func(t *testing.T) {
			t.Parallel()
			ans := a.do("GET", "/api/v2/activities?"+tc.query, "")
			require.Equal(t, 200, ans.status, ans.raw)
			require.Equal(t, true, ans.body["success"])
			require.Equal(t, tc.want, ans.ids())
			require.Equal(t, tc.query == "limit=2", ans.cursor() != "")
		})
	}
}

func TestListShowsWhatGetShows(t *testing.T) {
	t.Parallel()
	a := startWithFive(t, pipedrivetest.Config{})
	for _, query := range []string{"", "include_fields=attendees"} {
		list := a.do("GET", "/api/v2/activities?ids=4&"+query, "").body["data"].([]any)
		require.Equal(t, a.do("GET", "/api/v2/activities/4?"+query, "").data(), list[0])
	}
	require.JSONEq(t, `{"success":true,"data":[],"additional_data":{"next_cursor":null}}`, a.do("GET", "/api/v2/activities?ids=99", "").raw)
}

func TestListParametersAreRefused(t *testing.T) {
	t.Parallel()
	a := startWithFive(t, pipedrivetest.Config{})
	cursor := a.do("GET", "/api/v2/activities?limit=1", "").cursor()
	require.NotEmpty(t, cursor)
	notADate := "This value is not a valid datetime."
	for _, tc := range []struct{ query, err string }{
		{"type=sms", "type: Parameter 'type' is not allowed for this request"},
		{"due_date=2031-05-01", "due_date: Parameter 'due_date' is not allowed for this request"},
		{"start=0", "start: Parameter 'start' is not allowed for this request"},
		{"project_id=4", "project_id: Parameter 'project_id' is not allowed for this request"},
		{"updated_since=2031-05-06T14:00:00.123Z", "updated_since: " + notADate},
		{"updated_since=2031-05-06T14:00:00%2B02:00", "updated_since: " + notADate},
		{"updated_until=2031-05-06", "updated_until: " + notADate},
		{"updated_until=2031-05-06+14:00:00", "updated_until: " + notADate},
		{"done=1", "done: The value you selected is not a valid choice."},
		{"person_id=", "person_id: This value should be a positive integer."},
		{"person_id=5&person_id=6", "person_id: This parameter is given more than once."},
		{"deal_id=x", "deal_id: This value should be a positive integer."},
		{"lead_id=x", "lead_id: This is not a valid UUID."},
		{"ids=1,,2", "ids: This value should be up to 100 positive integers."},
		{"ids=" + strings.Repeat("1,", 100) + "1", "ids: This value should be up to 100 positive integers."},
		{"sort_by=subject", "sort_by: The value you selected is not a valid choice."},
		{"sort_direction=up", "sort_direction: The value you selected is not a valid choice."},
		{"include_fields=note", "include_fields: The value you selected is not a valid choice."},
		{"limit=0", "limit: This value should be between 1 and 500."},
		{"limit=501", "limit: This value should be between 1 and 500."},
		{"cursor=x", "cursor: This value is not a valid cursor."},
		{"sort_by=add_time&cursor=" + cursor, "cursor: The cursor belongs to another sorting."},
		{"sort_direction=desc&cursor=" + cursor, "cursor: The cursor belongs to another sorting."},
		{"limit=0&type=sms", "limit: This value should be between 1 and 500.; type: Parameter 'type' is not allowed for this request"},
	} {
		t.Run(tc.query, func(t *testing.T) {
			t.Parallel()
			ans := a.do("GET", "/api/v2/activities?"+tc.query, "")
			require.Equal(t, 400, ans.status)
			require.Equal(t, map[string]any{
				"success": false, "error": "Validation failed: " + tc.err, "code": "ERR_SCHEMA_VALIDATION_FAILED",
			}, ans.body)
		})
	}
}

func TestPagesNeitherRepeatNorSkip(t *testing.T) {
	t.Parallel()
	for _, sorting := range []string{"", "sort_direction=desc", "sort_by=due_date", "sort_by=due_date&sort_direction=desc", "sort_by=add_time"} {
		t.Run(sorting, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{})
			for i := range 25 {
				a.add(`"due_date":"2031-05-0` + strconv.Itoa(i%3+1) + `"`)
			}
			want := a.do("GET", "/api/v2/activities?"+sorting, "").ids()
			require.Len(t, want, 25)

			var got []int64
			cursor, pages := "", 0
			for {
				query := "/api/v2/activities?limit=4&" + sorting
				if cursor != "" {
					query += "&cursor=" + url.QueryEscape(cursor)
				}
				ans := a.do("GET", query, "")
				got = append(got, ans.ids()...)
				pages++
				if cursor = ans.cursor(); cursor == "" {
					break
				}
				require.Len(t, ans.ids(), 4)
				a.DeleteActivity(got[len(got)-1]) // what was read already
			}
			require.Equal(t, want, got)
			require.Equal(t, 7, pages)
		})
	}
}

func TestListHasAHundredByDefault(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	for range 101 {
		a.add("")
	}
	ans := a.do("GET", "/api/v2/activities", "")
	require.Len(t, ans.ids(), 100)
	require.Equal(t, []int64{101}, a.do("GET", "/api/v2/activities?cursor="+ans.cursor(), "").ids())
}

func TestListLag(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{ListLag: 5 * time.Second})
	a.add(`"participants":[{"person_id":5,"primary":true}]`)
	a.clock.Advance(5*time.Second - 1)
	require.Empty(t, a.do("GET", "/api/v2/activities", "").ids())
	require.Empty(t, a.do("GET", "/api/v2/activities?person_id=5", "").ids())
	require.Equal(t, 200, a.do("GET", "/api/v2/activities/1", "").status, "by id at once")
	a.clock.Advance(1)
	require.Equal(t, []int64{1}, a.do("GET", "/api/v2/activities", "").ids())
	require.Equal(t, []int64{1}, a.do("GET", "/api/v2/activities?person_id=5", "").ids())
}

func TestListDeleted(t *testing.T) {
	t.Parallel()
	a := startWithFive(t, pipedrivetest.Config{ListDeleted: true})
	list := a.do("GET", "/api/v2/activities?person_id=5&sort_direction=desc", "")
	require.Equal(t, []int64{5, 4, 1}, list.ids())
	require.Equal(t, true, list.body["data"].([]any)[0].(map[string]any)["is_deleted"])
}

func TestListFollowsTheParticipants(t *testing.T) {
	t.Parallel()
	a := startWithFive(t, pipedrivetest.Config{})
	a.do("PATCH", "/api/v2/activities/1", `{"participants":[{"person_id":6,"primary":true}]}`)
	a.do("PATCH", "/api/v2/activities/2", `{"participants":[]}`)
	require.Equal(t, []int64{4}, a.do("GET", "/api/v2/activities?person_id=5", "").ids())
	require.Equal(t, []int64{1}, a.do("GET", "/api/v2/activities?person_id=6", "").ids())
}

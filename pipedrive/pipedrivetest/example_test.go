package pipedrivetest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

// A service that logs to Pipedrive is tested against the fake.
func ExampleServer() {
	fake := pipedrivetest.New(pipedrivetest.Config{})
	server := httptest.NewServer(fake)
	defer server.Close()

	post := func(body string) {
		req, err := http.NewRequest("POST", server.URL+"/api/v2/activities", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Authorization", "Bearer any-token-will-do")
		req.Header.Set("Content-Type", "application/json")
		res, err := server.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer res.Body.Close()
		fmt.Println(res.Status)
	}
	post(`{"subject": "Texts with Kim", "type": "sms", "person_id": 5}`)
	post(`{"subject": "Texts with Kim", "type": "sms", "note": "<p class='x'>Hi & bye",
	       "participants": [{"person_id": 5, "primary": true}]}`)

	for _, a := range fake.Activities() {
		fmt.Println(a.ID, a.PersonID, a.Note)
	}
	fmt.Println(fake.Calls("POST", "/api/v2/activities"), "calls,", fake.Tokens(), "tokens")
	// Output:
	// 400 Bad Request
	// 200 OK
	// 1 5 <p>Hi &amp; bye</p>
	// 2 calls, 10 tokens
}

// A timeout after which the activity is there all the same: a careless retry
// would make a second one.
func ExampleServer_Fail() {
	fake := pipedrivetest.New(pipedrivetest.Config{})
	server := httptest.NewServer(fake)
	defer server.Close()
	fake.Fail(pipedrivetest.Fault{Method: "POST", Path: "/api/v2/activities", Commit: true, Drop: true})

	req, err := http.NewRequest("POST", server.URL+"/api/v2/activities", strings.NewReader(`{"subject": "Texts", "type": "sms"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("x-api-token", "any-token-will-do")
	req.Header.Set("Content-Type", "application/json")
	res, err := server.Client().Do(req)
	if err == nil {
		res.Body.Close()
	}
	fmt.Println("failed:", err != nil)
	fmt.Println("activities:", len(fake.Activities()))
	// Output:
	// failed: true
	// activities: 1
}

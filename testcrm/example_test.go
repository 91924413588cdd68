package testcrm_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/crmlog/crmlog/testcrm"
)

// A test of one's own code starts the CRM, lets it fail, and looks at what is
// stored in the end.
func ExampleServer() {
	crm := testcrm.NewServer(testcrm.ServerConfig{})
	defer crm.Close()
	web := httptest.NewServer(crm)
	defer web.Close()

	post := func() {
		body := `{"contactId":"42","type":"sms","subject":"SMS with Ada","body":"<p class=x>Tom & Ada<br/></p>","at":"2026-03-04T05:06:07Z"}`
		req, _ := http.NewRequest("POST", web.URL+"/activities", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer any-token")
		req.Header.Set("Content-Type", "application/json")
		resp, err := web.Client().Do(req)
		if err != nil {
			fmt.Println("no answer")
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		fmt.Println(resp.Status)
	}

	crm.Fail(
		testcrm.Fault{Status: 429, RetryAfter: "2"},
		testcrm.Fault{Drop: true, Applied: true}, // stored, but nobody is told
	)
	post()
	post()
	post()
	for _, a := range crm.Activities() {
		fmt.Println(a.ID, a.Body)
	}
	fmt.Println(crm.Calls())
	// Output:
	// 429 Too Many Requests
	// no answer
	// 201 Created
	// act_1001 <p>Tom &amp; Ada<br></p>
	// act_1002 <p>Tom &amp; Ada<br></p>
	// map[POST /activities:3]
}

func ExampleServer_EditBody() {
	crm := testcrm.NewServer(testcrm.ServerConfig{})
	defer crm.Close()
	fmt.Println(crm.EditBody("act_1001", func(body string) string {
		return body + "<p>Call her back.</p>"
	}))
	// Output: testcrm: no activity "act_1001" to edit
}

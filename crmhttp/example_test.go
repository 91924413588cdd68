package crmhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
)

// An adapter makes one client, and a call to its CRM with each Do.
func Example() {
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/v1/notes" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"code":"NO_SUCH_NOTE","message":"no such thing: Ann"}`)
			return
		}
		fmt.Fprint(w, `{"id":42}`)
	}))
	defer crm.Close()

	client, err := crmhttp.New(crmhttp.Config{Name: "acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	ctx := context.Background()

	var note struct {
		ID int `json:"id"`
	}
	_, err = client.Do(ctx, crmhttp.Request{
		Operation: "create note", Method: http.MethodPost, BaseURL: crm.URL, Path: []string{"v1", "notes"},
		Auth: "Bearer secret", Body: map[string]string{"text": "Hello"},
	}, &note)
	fmt.Println(note.ID, err)

	_, err = client.Do(ctx, crmhttp.Request{
		Operation: "get note", BaseURL: crm.URL, Path: []string{"v1", "notes", "Ann"}, Auth: "Bearer secret",
	}, &note)
	fmt.Println(err)
	fmt.Println(errors.Is(err, crmlog.ErrNotFound), crmlog.Temporary(err))
	// Output:
	// 42 <nil>
	// acme: get note: not found: HTTP 404 NO_SUCH_NOTE: no such thing: …
	// true false
}

// CheckBaseURL is for addresses that come with the data, such as a user's CRM
// host; the adapter adds which hosts are its CRM's.
func ExampleCheckBaseURL() {
	for _, raw := range []string{"https://acme.example.com/", "http://acme.example.com", "https://me:secret@acme.example.com"} {
		u, err := crmhttp.CheckBaseURL("user.hostname", raw)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(u)
	}
	// Output:
	// https://acme.example.com
	// user.hostname: is http to another machine; use https
	// user.hostname: has a user name or password in it; remove them
}

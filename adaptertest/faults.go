package adaptertest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// forever is longer than any adapter waits.
const forever = checkTimeout

// dropped cuts the connection without an answer.
func dropped(commit bool) fault {
	return fault{commit: commit, answer: func(_ *network, w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
		cut(w)
	}}
}

// silent never answers.
func silent(commit bool) fault {
	return fault{commit: commit, answer: func(n *network, w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		n.hold(r, forever)
		panic(http.ErrAbortHandler)
	}}
}

// says answers in place of the CRM. Header is names and values in turn.
func says(commit bool, status int, body string, header ...string) fault {
	return fault{commit: commit, answer: func(_ *network, w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		if header := w.Header(); header.Get("Content-Type") == "" {
			header["Content-Type"] = nil // else net/http guesses one
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}}
}

// echoes answers with what was sent, as CRMs quote the fields that they refuse.
func echoes(commit bool, status int, header ...string) fault {
	return fault{commit: commit, answer: func(_ *network, w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		body, _ := io.ReadAll(r.Body)
		message := "not accepted: " + string(body) + " at " + r.URL.String()
		for _, values := range r.Header {
			message += " " + values[0]
		}
		quoted := strconv.QuoteToASCII(message)
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"message":`+jsonString(message)+`,"error":{"code":"refused","message":`+jsonString(quoted)+`}}`)
	}}
}

// truncated ends the connection in the middle of the CRM's answer.
func truncated() fault {
	return fault{commit: true, answer: func(_ *network, w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
		maps.Copy(w.Header(), answer.Header())
		body := answer.Body.Bytes()
		if len(body) < 2 {
			cut(w)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}}
}

// brief is a timeout for checks in which every answer is slow.
const brief = 300 * time.Millisecond

// short is a timeout for checks in which one answer is slow, and the others have
// to be in time on a machine that is busy.
const short = time.Second

// unknowns are faults after which nobody knows what became of a write.
var unknowns = []struct {
	name    string
	fault   fault
	timeout time.Duration
	done    bool // the CRM did it
}{
	{name: "the connection is cut before the commit", fault: dropped(false)},
	{name: "the connection is cut after the commit", fault: dropped(true), done: true},
	{name: "no answer in time, nothing committed", fault: silent(false), timeout: short},
	{name: "no answer in time, but committed", fault: silent(true), timeout: short, done: true},
	{name: "500 after the commit", fault: says(true, 500, `{"error":"internal"}`), done: true},
	{name: "502 with a page after the commit", fault: says(true, 502, "<html><h1>Bad Gateway</h1></html>", "Content-Type", "text/html"), done: true},
	{name: "503 before the commit", fault: says(false, 503, `{"error":"unavailable"}`)},
	{name: "504 after the commit", fault: says(true, 504, "", "Content-Type", ""), done: true},
	{name: "408 after the commit", fault: says(true, 408, `{"error":"timeout"}`), done: true},
	{name: "half an answer", fault: truncated(), done: true},
}

// cookied answers as the CRM does, and sets a cookie.
func cookied() fault {
	return fault{commit: true, answer: func(_ *network, w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "abc", Path: "/"})
		send(w, answer)
	}}
}

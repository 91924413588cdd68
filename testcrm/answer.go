package testcrm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// An answer is what the CRM says to one request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func reply(status int, v any) *answer {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fail(http.StatusInternalServerError, "internal", "the record cannot be shown")
	}
	return (&answer{status: status, body: b.Bytes()}).with("Content-Type", "application/json; charset=utf-8")
}

type errorBody struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func fail(status int, code, format string, args ...any) *answer {
	var e errorBody
	e.Error.Code, e.Error.Message = code, fmt.Sprintf(format, args...)
	return reply(status, e)
}

func (a *answer) with(key, value string) *answer {
	if a.header == nil {
		a.header = make(http.Header)
	}
	a.header.Set(key, value)
	return a
}

// write sends the answer; half of it, and then the end of the connection, when
// it is to be truncated.
func (a *answer) write(w http.ResponseWriter, truncate bool) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		a.body = nil
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	if truncate && len(a.body) == 0 {
		cut(w)
		return
	}
	w.WriteHeader(a.status)
	if !truncate {
		_, _ = w.Write(a.body)
		return
	}
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	// An orderly end of the connection: a reset could overtake the half answer.
	panic(http.ErrAbortHandler)
}

// cut ends the connection without an answer. Over plain TCP the client sees a
// reset.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, httptest.ResponseRecorder
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

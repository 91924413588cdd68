package pipedrivetest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// response is an answer of the API. Its body is data as JSON, or else raw.
type response struct {
	status int
	header http.Header
	data   any
	raw    string
}

func (res response) body() []byte {
	if res.data == nil {
		return []byte(res.raw)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(res.data); err != nil {
		return nil // maps of strings, numbers and booleans have no errors
	}
	return b.Bytes()
}

// write sends the answer, or cuts the connection in the middle of its body.
func (res response) write(w http.ResponseWriter, correlationID string, truncate bool) {
	body, h := res.body(), w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	maps.Copy(h, res.header)
	h.Set("x-correlation-id", correlationID)
	if !truncate {
		w.WriteHeader(res.status)
		_, _ = w.Write(body) // fails when the client has left
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(res.status)
	_, _ = w.Write(body[:len(body)/2])
	// Unflushed, the half answer would be lost with the connection.
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func jsonResponse(status int, data any) response {
	return response{status: status, header: http.Header{}, data: data}
}

func success(data any) response {
	return jsonResponse(http.StatusOK, map[string]any{"success": true, "data": data})
}

// failure is an error of the API itself. Those with a code carry nothing else,
// those without have the shape of the documented examples.
func failure(status int, message, code string) response {
	body := map[string]any{"success": false, "error": message}
	if code != "" {
		body["code"] = code
	} else {
		body["error_info"] = moreInfo
		body["data"], body["additional_data"] = nil, nil
	}
	return jsonResponse(status, body)
}

const moreInfo = "Please check developers.pipedrive.com"

// gatewayError is an error of the gateway in front of the API.
func gatewayError(status int, message string) response {
	return jsonResponse(status, map[string]any{
		"success": false, "error": message, "errorCode": status, "error_info": moreInfo,
	})
}

// invalid is the 400 for a body or query that is not as the schema says.
func invalid(problems []string) response {
	return failure(http.StatusBadRequest, "Validation failed: "+strings.Join(problems, "; "), "ERR_SCHEMA_VALIDATION_FAILED")
}

func notAllowed(name string) string {
	return name + ": Parameter '" + name + "' is not allowed for this request"
}

package crmhttp

import (
	"time"

	"github.com/crmlog/crmlog"
)

const MaxGates = maxGates

// Gates counts the gates that c remembers.
func Gates(c *Client) int {
	c.gates.mu.Lock()
	defer c.gates.mu.Unlock()
	return len(c.gates.known)
}

// ParseRetryAfter is parseRetryAfter for a header without a Date beside it.
func ParseRetryAfter(value string, now time.Time) time.Duration {
	return parseRetryAfter(value, "", now)
}

// Clean cleans what a CRM said to a call that sent auth and text.
func Clean(auth, text, message, code, id string) (string, string, string) {
	body, _ := encode(text)
	s := (&call{body: body, req: Request{Auth: crmlog.AuthHeader(auth)}}).sent()
	return s.cleanMessage(message), s.cleanCode(code), s.cleanID(id)
}

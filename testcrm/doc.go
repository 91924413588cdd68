// Package testcrm is a small CRM to write and test adapters against. [Server]
// is the whole CRM as an [http.Handler]: contacts and activities in memory, an
// API that is strict about what it accepts, notes whose HTML comes back changed
// as it does from real CRMs, and failures on demand ([Server.Fail],
// [Server.SetFaultFunc]). It speaks real HTTP and nothing else:
//
//	crm := testcrm.NewServer(testcrm.ServerConfig{})
//	defer crm.Close()
//	web := httptest.NewServer(crm)
//	defer web.Close()
//
// # HTTP API
//
// Requests and answers are JSON (Content-Type: application/json, UTF-8). Times
// are RFC 3339 in UTC and end in Z. Every answer has an X-Request-Id header.
//
// # Authorization
//
// Each request needs "Authorization: Bearer <token>". A missing or unknown
// token is answered with 401 unauthorized. The token says which user acts.
//
// # Contacts
//
//	POST /contacts               {"name", "phones"?}     201, the contact
//	GET  /contacts/{id}                                  200, the contact
//	GET  /contacts?phone=%2B16505550100                  200, {"items": [contact, …]}
//
// A contact is {"id": "con_1001", "name", "phones": ["+16505550100"],
// "createdAt"}. Name is 1–255 characters; phones are at most 20 numbers in
// E.164 form. The search compares whole numbers, and returns the oldest 100
// contacts at most. In a query, "+" must be sent as %2B.
//
// # Activities
//
//	POST   /activities           create                  201, the activity, ETag, Location
//	GET    /activities/{id}      read                    200, the activity, ETag
//	PATCH  /activities/{id}      change what is given    200, the activity, ETag
//	DELETE /activities/{id}      delete for good         204
//	GET    /activities?…         list                    200, {"items": […], "nextCursor"?}
//
// The fields of an activity:
//
//	contactId   string, required, 1–64 characters; fixed at creation
//	type        string, required, 1–64 characters, such as "sms"
//	subject     string, required, 1–255 characters, plain text
//	body        string, required, HTML, may be empty; see below
//	at          string, required, when it happened
//	externalId  string, optional key of the caller's own, 1–64 characters;
//	            indexed, not unique, fixed at creation
//	ownerId     string, optional, 1–64 characters; default: the user who creates it
//	links       array, optional, at most 50 of {"type", "id"}: other records that
//	            it belongs to, such as {"type": "deal", "id": "42"}
//	id          string, read only, such as "act_1001"
//	version     integer, read only; 1 at creation, higher after each write
//	createdAt, updatedAt   read only
//
// A field that is not in this list, is read only, is null or has the wrong type
// is refused with 400, and so is a PATCH that changes nothing. A PATCH leaves
// the fields that it does not name as they are; links are replaced as a whole.
// Where contacts are registered, an activity of an unknown contact is refused
// with 422 unknown_contact; where tokens are, so is an unknown owner, with 422
// unknown_owner. Two POSTs with the same externalId make two activities.
//
// The body is stored as the CRM's sanitizer leaves it ([Sanitize] by default):
// what is read back is not byte for byte what was sent. A body of more than 64
// KiB as stored is refused with 413 body_too_large.
//
// Conditional writes: PATCH and DELETE take an If-Match header with the ETag of
// the version that they mean ("*": whichever). When another version is there,
// nothing is written and the answer is 412 precondition_failed. Without the
// header, the last writer wins.
//
// A deleted activity answers 410 gone for ever after; an id that never was
// answers 404 not_found.
//
// The list takes externalId, contactId or both, and optionally updatedSince (a
// time, inclusive), limit (1–200, default 50) and cursor (the nextCursor of the
// page before). It is sorted newest first by creation and leaves deleted
// activities out; the last page has no nextCursor. New activities may take a
// while to appear in lists (never in GET by id).
//
// # Errors
//
//	{"error": {"code": "invalid_field", "message": "subject must be …"}}
//
//	400  invalid_json, unknown_field, missing_field, invalid_field, empty_patch,
//	     invalid_query, invalid_header
//	401  unauthorized
//	404  not_found
//	405  method_not_allowed (with Allow)
//	410  gone
//	412  precondition_failed
//	413  body_too_large, request_too_large
//	415  unsupported_media_type
//	422  unknown_contact, unknown_owner
//	429  rate_limited (with Retry-After, in seconds)
//	5xx  try again later
package testcrm

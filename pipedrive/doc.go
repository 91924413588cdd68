// Package pipedrive files message digests as activities in Pipedrive
// (https://developers.pipedrive.com/docs/api/v1/Activities, API v2).
//
// A digest is one activity: type SMS, done, with the conversation in its note,
// the contact as its primary participant, and the date and time of the day's
// first message. A first message costs one call (POST, 5 tokens), a later one
// two (GET and PATCH, 6 tokens). Which activity types exist and what the user is
// called is asked once and remembered per account for a while.
//
// # Credentials
//
// The authHeader is the Authorization header of an OAuth app, "Bearer eyJ…",
// with the scopes activities:full and contacts:read. A personal API token is
// given as "x-api-token 0123…" and goes out in the header of that name
// (https://pipedrive.readme.io/docs/core-api-concepts-authentication).
//
// # Host
//
// Requests go to Config.BaseURL when the program set it, else to the user's
// Hostname if that is a host of pipedrive.com, else to api.pipedrive.com.
package pipedrive

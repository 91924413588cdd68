// Package pipedrivetest is a strict fake of the part of the Pipedrive REST API
// that logging needs: activities (API v2), one person (v2), the current user
// and the activity types (v1). It holds one company in memory, answers as the
// real API is documented or was observed to answer, refuses what the real API
// refuses, and fails on demand.
//
// A [Server] is an [http.Handler]. Wrap it in an httptest.Server and point the
// code under test at that URL:
//
//	fake := pipedrivetest.New(pipedrivetest.Config{})
//	server := httptest.NewServer(fake)
//	defer server.Close()
//
// Then [Server.Fail] makes calls go wrong, [Server.EditNote] and
// [Server.DeleteActivity] play the person who works in the CRM, and
// [Server.Activities], [Server.Requests], [Server.Calls] and [Server.Tokens]
// tell what came of it.
//
// # What is strict
//
// A body key or query parameter that the official OpenAPI file does not list is
// a 400, as is a number in quotes, 1 or 0 for a boolean, a null where clearing
// is not recorded to work, and person_id in a body (Pipedrive reads it from the
// primary participant). Notes are sanitised on the way in ([SanitizeNote]), so
// what is read back is not what was sent, and times have whole seconds.
// See https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide.
//
// # What is assumed
//
// Pipedrive leaves some things open. There the fake takes the answer that is
// hardest on the client:
//
//   - A new activity needs a subject and an active type.
//   - Participants are none, or have exactly one primary among them, no person
//     twice; a PATCH replaces them as a whole.
//   - A link that a higher one shuts out (deal before lead before project) is
//     dropped without an error, also when the higher one was there before.
//   - A note above 100,000 bytes as stored is a 400; the Notes API states that
//     limit, for activities none is documented ([Config.MaxNoteBytes]).
//   - Reading a deleted activity is a 404 ([Config.Deleted]).
//   - A request that the API refuses costs its tokens too, one that a limit or
//     a [Fault] answers costs none. The daily budget starts anew at midnight
//     UTC.
//   - Answers show due_time and duration with seconds, and null for what is
//     not set.
package pipedrivetest

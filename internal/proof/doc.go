// Package proof has no code: its tests show that every message stands in the
// CRM exactly once, in order, in the record of its contact, conversation and
// day, whatever fails.
//
//   - Chaos: 64 callers at once, and a CRM that fails a fifth of its calls in
//     every way that testcrm knows.
//   - Processes: several real processes log the same messages at once into one
//     store.
//   - Kill: a real process is killed at random moments and at each step of the
//     protocol, and started again with the same input.
//   - Stall: a process sleeps through the end of its lease at a step, and goes on.
//   - Blocked: how long a digest waits for a writer that was killed.
//   - Backfill: the example program, twice at once, and killed in the middle.
//
// The judge is an oracle that reads the records of testcrm as text and takes
// nothing from the library's own reader of digests. Steps are hooked by wrappers
// of Store and http.RoundTripper, and by a handler before the CRM.
//
// The tests are small by default. CRMLOG_PROOF=full makes them large,
// CRMLOG_PROOF_SEED gives another seed, and CRMLOG_TEST_POSTGRES names a
// PostgreSQL to run on too; with CRMLOG_REQUIRE_POSTGRES=1 they fail without.
package proof

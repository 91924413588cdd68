// Package crmhttp is the HTTP kit for CRM adapters: the part of every adapter
// that is the same, and easy to get wrong.
//
// An adapter makes one [Client] and calls [Client.Do] with a [Request] per CRM
// call. Do encodes the body, sends it with the user's credential to the given
// base URL and nowhere else, tries again where that is safe, holds an account
// back that the CRM has limited, reads the answer within bounds, and turns
// every failure into a [*crmlog.APIError] that repeats nothing of what was
// sent.
//
// # Tries
//
// A call that may be repeated (GET, HEAD, Request.ReadOnly, Request.Idempotent)
// is tried up to 6 times on cut connections, timeouts of one attempt,
// unreadable 2xx answers, 408, 429 and any 5xx, with full-jitter exponential
// waits of up to 2 s. Any other write is tried again only when no connection
// was made for it, or the CRM refused it with 429. Waits end with the context.
//
// # Limits
//
// Calls of one account (host and credential, or Request.Account) are paced by
// what the CRM says is left, as Config.ParseLimit reads it: no more are in
// flight than are left, the others wait for the reset in the order in which they
// came, and then one call finds out how many may follow. Until an account's
// first answer four are in flight. A CRM that says nothing is not held back.
//
// An answer 429 closes the account's gate for as long as the CRM asks: every
// call of that account through this client waits, if the wait is within
// Config.MaxWait and the context's deadline, and else fails at once with
// [crmlog.ErrRateLimited] and how long to wait. No answer closes a gate for more
// than an hour. A 403 that is not JSON comes from a firewall before the CRM
// (Cloudflare answers so to clients that went on after many 429s) and closes the
// gate for a minute.
//
// The end of a budget closes the gate for a minute at least, and
// Config.Reserve does so before that end; then one call at a time finds out
// whether there is more.
//
// # Cost
//
// Each attempt counts in the context's [crmlog.CostMeter], with Request.Tokens.
package crmhttp

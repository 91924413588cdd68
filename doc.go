// Package crmlog files RingCentral messages in a CRM: every message exactly
// once, in order, on the right day, at the lowest API cost.
//
// A service hands [Router.Log] one or more messages (SMS, MMS, voicemail, fax,
// pager) and the CRM contact they belong to. All messages of one conversation
// with one contact on one day go into one CRM record, the daily digest: the
// day's first message calls the adapter's AddMessageLog, which creates the
// record, each later one calls UpdateMessageLog, which adds to it. The router
// finds the digest, lets one writer at a time at it, leaves out what is logged
// already, and reports what became of each message.
//
// Each CRM is a subpackage that implements [Adapter]: package pipedrive is for
// Pipedrive, package testcrm is the example and the fake to test with. For another
// CRM, docs/adding-a-crm.md goes from its vendor's page to an adapter of your own.
// What is logged where is remembered in a [Store]; it never holds message text.
//
// # The day
//
// A digest's day is the calendar day of the message's creationTime in the
// user's time zone: user.timezoneName (an IANA name, right across daylight
// saving) when given, else timezoneOffset, else UTC. It is the day on which the
// message was sent, not the one on which it is logged.
//
// # Secrets
//
// An [AuthHeader] prints as [redacted] everywhere. Errors and log lines carry
// ids, codes and shapes, never message text, names or phone numbers.
package crmlog

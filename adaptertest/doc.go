// Package adaptertest checks that a [crmlog.Adapter] keeps its contract: the
// life of a digest, people's edits, hostile texts, limits, and all the ways in
// which HTTP goes wrong. Every adapter of this module runs it, and one of your
// own should:
//
//	func TestConformance(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Harness{
//			New: func(c adaptertest.Config) (crmlog.Adapter, error) {
//				return mycrm.New(mycrm.Config{BaseURL: c.BaseURL, Transport: c.Transport, Timeout: c.Timeout, Logger: c.Logger})
//			},
//			NewCRM: func() adaptertest.CRM { return newFakeCRM() },
//		})
//	}
//
// You give a fake of your CRM, an [http.Handler] and three methods to look at it
// from the inside ([CRM]); who has none builds one with [NewFake]. The suite
// puts its own proxy before it, which cuts connections, holds answers back,
// redirects, and answers with errors, pages and rubbish. Nothing leaves the
// machine, whatever addresses the adapter calls.
//
// What your CRM cannot do is said in [Cannot]. The suite checks that too: an
// adapter must be able to do what is not listed there, and must not do what is.
//
// A check that fails says which rule is broken, why there is such a rule, where
// it is documented, and what was seen. The suite uses the standard library and
// package crmlog alone. It runs its checks concurrently, and takes 10 to 20
// seconds, in which it mostly waits for retries and time limits; where the fake's
// lists lag behind, it waits for that too, many times: with a lag of two seconds
// it takes half a minute. A short lag, and a SettleTime to match, make it faster.
package adaptertest

// Package customadapter files RingCentral messages in Fernbook, a made-up CRM whose
// API page is API.md in this folder.
//
// A digest becomes an entry in the contact's journal: channel text, or call for a
// voicemail and letter for a fax. What people change in an entry stays: replacements
// are conditional on its version.
//
//   - Contact: contactInfo.id is the person's id, such as p-77.
//   - User: the entry's author is whom the key belongs to. Fernbook has one address
//     for all, so user.hostname is not used.
//   - authHeader: the Fernbook key, which begins with fbk_, as it is, behind
//     "Bearer ", or as the user of "Basic", which is what RingCentral's extension
//     makes of an API key. It must not be read-only.
//   - additionalSubmission: nothing of it is used.
//   - Limits: 4,000 characters of text, 160 of title, ten requests a second for each
//     key (API.md, "Entries" and "Limits"). A longer day goes on in further entries.
//
// Errors carry Fernbook's problem and trace, never its explanation.
//
// Fernbook has a sandbox (Config.BaseURL https://sandbox.fernbook.example), in which
// this adapter has not been tried.
package customadapter

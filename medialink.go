package crmlog

import (
	"net/url"
	"strings"
)

// The media reader is a page of RingCentral that shows a recording, fax or
// picture to who logs in to RingCentral there
// (https://github.com/ringcentral/ringcentral-media-reader).
const mediaReader = "https://ringcentral.github.io/ringcentral-media-reader/"

// mediaReaderPages has the page for each media host.
var mediaReaderPages = map[string]string{
	"media.ringcentral.com":         mediaReader + "?media=",
	"media.ringcentral.biz":         mediaReader + "?media=",
	"media.devtest.ringcentral.com": mediaReader + "sandbox.html?media=",
}

// MediaReaderLink returns a link to RingCentral's media reader for the content
// behind an attachment's URI, fit to be stored in a CRM: it holds no token, and
// the reader asks for RingCentral's login.
//
// The reader takes nothing but https URIs on media.ringcentral.com,
// media.ringcentral.biz and, on its sandbox page, media.devtest.ringcentral.com.
// For everything else the link is "": for relative URIs, and for those on
// platform.ringcentral.com, which some voicemail and fax records have.
// Query and fragment are left out, for a query may hold an access token.
func MediaReaderLink(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	page, path := mediaReaderPages[host], u.EscapedPath()
	if page == "" || len(path) < 2 {
		return ""
	}
	return page + encodeURIComponent("https://"+host+path)
}

// RecordingLink returns the [MediaReaderLink] of a voicemail's recording, or "".
func (m Message) RecordingLink() string { return m.link(AttachmentTypeAudioRecording) }

// FaxLink returns the [MediaReaderLink] of a fax: of the rendered document, else
// of the document that was sent, or "".
func (m Message) FaxLink() string {
	if link := m.link(AttachmentTypeRenderedDocument); link != "" {
		return link
	}
	return m.link(AttachmentTypeSourceDocument)
}

func (m Message) link(t AttachmentType) string {
	a := attachmentOf(&m, t)
	if a == nil {
		return ""
	}
	return MediaReaderLink(a.URI)
}

// encodeURIComponent is JavaScript's, with which the reader's links are made
// elsewhere: links to the same content are to be the same.
func encodeURIComponent(s string) string {
	return strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").
		Replace(url.QueryEscape(s))
}

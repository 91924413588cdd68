package note

import "strings"

// fileType is what a person would call an attachment.
type fileType int

const (
	imageFile fileType = iota
	videoFile
	audioFile
	cardFile // a contact card (vCard)
	pdfFile
	otherFile
	fileTypes int = iota
)

// fileTypeOf reads a MIME type such as "image/jpeg" or "text/x-vCard; charset=utf-8".
func fileTypeOf(contentType string) fileType {
	contentType, _, _ = strings.Cut(strings.ToLower(contentType), ";")
	major, minor, _ := strings.Cut(strings.TrimSpace(contentType), "/")
	switch {
	case major == "image":
		return imageFile
	case major == "video":
		return videoFile
	case major == "audio":
		return audioFile
	case minor == "vcard", minor == "x-vcard", minor == "directory":
		return cardFile
	case minor == "pdf":
		return pdfFile
	}
	return otherFile
}

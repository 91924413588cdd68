package crmhttp

import (
	"bytes"
	"sync"
)

// buffers are written to and copied from: how long a body gets is not known
// before, and growing a new buffer for each costs more.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func getBuffer() *bytes.Buffer {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	return buf
}

// putBuffer lets a buffer go that one long body made big.
func putBuffer(buf *bytes.Buffer) {
	if buf.Cap() <= 256<<10 {
		buffers.Put(buf)
	}
}

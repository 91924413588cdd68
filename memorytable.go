package crmlog

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// memoryTable is a hash table of what a [MemoryStore] remembers; its keys are
// hashes already. It grows by one slot and one bucket at a time (linear hashing):
// one that doubles stands half empty for half of its life. Slots never move, so
// that others keep their numbers; without pointers in V the garbage collector
// does not look into them.
type memoryTable[V any] struct {
	chunks []*[memoryChunk]memorySlot[V]
	slots  uint32 // and buckets; slot 0 has a bucket, but no key and the zero value
	free   uint32 // the first of the removed slots, linked by next
}

// memoryChunk is small for those who make many stores, as tests do.
const memoryChunk = 64

type memorySlot[V any] struct {
	key   [16]byte
	head  uint32 // the first slot of the bucket that has this slot's number
	next  uint32 // the slot that follows this one in its bucket
	value V
}

func newMemoryTable[V any]() memoryTable[V] {
	return memoryTable[V]{chunks: []*[memoryChunk]memorySlot[V]{{}}, slots: 1}
}

func (t *memoryTable[V]) slot(i uint32) *memorySlot[V] {
	return &t.chunks[i/memoryChunk][i%memoryChunk]
}

func (t *memoryTable[V]) at(i uint32) *V { return &t.slot(i).value }

func (t *memoryTable[V]) key(i uint32) [16]byte { return t.slot(i).key }

// bucket is where the chain of a key's bucket begins: as many bits of the key as
// number all buckets, or one less where that bucket is not made yet.
func (t *memoryTable[V]) bucket(key [16]byte) *uint32 {
	mask := uint32(1)<<bits.Len32(t.slots-1) - 1
	b := binary.LittleEndian.Uint32(key[:]) & mask
	if b >= t.slots {
		b &= mask >> 1
	}
	return &t.slot(b).head
}

// find returns the number of the key's slot, or 0.
func (t *memoryTable[V]) find(key [16]byte) uint32 {
	i := *t.bucket(key)
	for i != 0 && t.slot(i).key != key {
		i = t.slot(i).next
	}
	return i
}

// put returns the number of the key's slot, and whether it was made now.
func (t *memoryTable[V]) put(key [16]byte) (i uint32, added bool) {
	if i = t.find(key); i != 0 {
		return i, false
	}
	if i = t.free; i != 0 {
		t.free = t.slot(i).next
	} else {
		i = t.grow()
	}
	head, s := t.bucket(key), t.slot(i)
	s.key, s.next, *head = key, *head, i
	return i, true
}

// grow makes one more slot, and moves to its bucket what belongs there from the
// one bucket that had it.
func (t *memoryTable[V]) grow() uint32 {
	i := t.slots
	if i%memoryChunk == 0 {
		t.chunks = append(t.chunks, new([memoryChunk]memorySlot[V]))
	}
	t.slots++
	from := &t.slot(i &^ (1 << (bits.Len32(i) - 1))).head
	to := &t.slot(i).head
	for link := from; *link != 0; {
		s := t.slot(*link)
		if t.bucket(s.key) == from {
			link = &s.next
		} else {
			*link, s.next, *to = s.next, *to, *link
		}
	}
	return i
}

func (t *memoryTable[V]) remove(i uint32) {
	s := t.slot(i)
	link := t.bucket(s.key)
	for *link != i {
		link = &t.slot(*link).next
	}
	*link = s.next
	*s = memorySlot[V]{head: s.head, next: t.free}
	t.free = i
}

// memoryText keeps texts one behind the other in a few large blocks. None is ever
// taken out: digests are not forgotten, and few records are opened anew.
type memoryText struct{ blocks []*strings.Builder }

// put returns where read finds the texts.
func (t *memoryText) put(texts ...string) uint64 {
	size := 0
	for _, text := range texts {
		size += binary.MaxVarintLen64 + len(text)
	}
	last := len(t.blocks) - 1
	if last < 0 || t.blocks[last].Cap()-t.blocks[last].Len() < size {
		t.blocks = append(t.blocks, new(strings.Builder))
		last++
		t.blocks[last].Grow(max(size, 8<<10))
	}
	b := t.blocks[last]
	at := uint64(last)<<32 | uint64(b.Len())
	for _, text := range texts {
		var length [binary.MaxVarintLen64]byte
		b.Write(length[:binary.PutUvarint(length[:], uint64(len(text)))])
		b.WriteString(text)
	}
	return at
}

func (t *memoryText) read(at uint64, texts ...*string) {
	rest := t.blocks[at>>32].String()[uint32(at):]
	for _, text := range texts {
		length, n := binary.Uvarint([]byte(rest[:min(len(rest), binary.MaxVarintLen64)]))
		rest = rest[n:]
		*text, rest = rest[:length], rest[length:]
	}
}

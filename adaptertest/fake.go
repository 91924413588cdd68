package adaptertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// FakeConfig says what a [Fake] is like.
type FakeConfig struct {
	// Routes are the API's calls by pattern of [http.ServeMux], such as
	// "POST /notes" or "GET /notes/{id}". What fits none is answered with 404,
	// and recorded.
	Routes map[string]func(*Fake, Call) Answer
	// Check is asked before the route. What it returns, if not nil, is the
	// answer: 401 to a missing credential, 415 to a wrong content type.
	Check func(Call) *Answer
	// Text is the visible text of a stored body; nil is for plain text.
	Text func(body string) string
}

// Fake is a programmable CRM for authors who have none: it keeps records, and
// serves the routes that you give it. It is a [CRM], and fit for unit tests
// without the suite, too. It is safe for concurrent use.
type Fake struct {
	config FakeConfig
	mux    *http.ServeMux

	mu      sync.Mutex
	records []*FakeRecord
	calls   []Call
}

// FakeRecord is a record of a [Fake].
type FakeRecord struct {
	ID      string // given by the Fake: "rec-1001", …
	Version int    // 1 when it is made, and one more with each change
	Body    string // what a digest is written to
	Deleted bool
	// Fields is whatever else the CRM keeps with a record.
	Fields map[string]any
}

// Call is a request that came in.
type Call struct {
	*http.Request // its Body is read already
	Content       []byte
}

// Answer is what a [Fake] says.
type Answer struct {
	Status int // 0 is 200
	Header http.Header
	// Body is sent as it is when it is a string or []byte, else as JSON; nil is
	// no body.
	Body any
}

// NewFake returns a CRM without records. It panics, as [http.ServeMux] does, if
// two routes are in conflict.
func NewFake(config FakeConfig) *Fake {
	f := &Fake{config: config, mux: http.NewServeMux()}
	for pattern, route := range config.Routes {
		f.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, route) })
	}
	if config.Routes["/"] == nil {
		f.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			f.serve(w, r, func(*Fake, Call) Answer { return Answer{Status: http.StatusNotFound} })
		})
	}
	return f
}

// ServeHTTP serves the routes.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.mux.ServeHTTP(w, r) }

func (f *Fake) serve(w http.ResponseWriter, r *http.Request, route func(*Fake, Call) Answer) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	if err != nil {
		Answer{Status: http.StatusRequestEntityTooLarge}.write(w)
		return
	}
	call := Call{r, content}
	f.mu.Lock()
	f.calls = append(f.calls, call)
	f.mu.Unlock()
	if f.config.Check != nil {
		if refusal := f.config.Check(call); refusal != nil {
			refusal.write(w)
			return
		}
	}
	route(f, call).write(w)
}

func (a Answer) write(w http.ResponseWriter) {
	var body []byte
	kind := "application/json"
	switch v := a.Body.(type) {
	case nil:
	case string:
		body = []byte(v)
	case []byte:
		body = v
	default:
		var err error
		if body, err = json.Marshal(v); err != nil {
			panic(fmt.Sprintf("adaptertest: an answer of the fake cannot be encoded: %v", err))
		}
	}
	if !json.Valid(body) {
		kind = http.DetectContentType(body)
	}
	if len(body) > 0 {
		w.Header().Set("Content-Type", kind)
	}
	maps.Copy(w.Header(), a.Header)
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body)
}

// Decode reads the content into v, as strictly as a CRM does: the content type
// must be JSON, unknown fields and a second value are refused. It returns the
// refusal, or nil.
func (c Call) Decode(v any) *Answer {
	if t, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); t != "application/json" {
		return &Answer{Status: http.StatusUnsupportedMediaType}
	}
	dec := json.NewDecoder(bytes.NewReader(c.Content))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("more than one JSON value")
		}
	}
	if err != nil {
		return &Answer{Status: http.StatusBadRequest, Body: map[string]any{"error": map[string]string{"message": err.Error()}}}
	}
	return nil
}

// Create makes a record of what is given, with an ID and a Version of its own.
func (f *Fake) Create(r FakeRecord) FakeRecord {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.ID, r.Version, r.Fields = "rec-"+strconv.Itoa(1001+len(f.records)), 1, maps.Clone(r.Fields)
	f.records = append(f.records, &r)
	return r.clone()
}

// Get returns a record, also a deleted one; false for an id that never was.
func (f *Fake) Get(id string) (FakeRecord, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.record(id); r != nil {
		return r.clone(), true
	}
	return FakeRecord{}, false
}

// Change has change alter a record that is there and not deleted. Nobody else
// changes it meanwhile, so that a condition can be checked in it: false from
// change leaves the record as it is. Change returns the record as it then is,
// and whether it was changed.
func (f *Fake) Change(id string, change func(*FakeRecord) bool) (FakeRecord, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.record(id)
	if r == nil || r.Deleted {
		return FakeRecord{}, false
	}
	changed := r.clone()
	if !change(&changed) {
		return r.clone(), false
	}
	changed.ID, changed.Version = r.ID, r.Version+1
	*r = changed
	return r.clone(), true
}

// All returns all records in the order in which they were made, deleted ones
// too.
func (f *Fake) All() []FakeRecord {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []FakeRecord
	for _, r := range f.records {
		all = append(all, r.clone())
	}
	return all
}

// Calls returns all requests that came in, oldest first.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *Fake) record(id string) *FakeRecord {
	i := slices.IndexFunc(f.records, func(r *FakeRecord) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return f.records[i]
}

func (r *FakeRecord) clone() FakeRecord {
	c := *r
	c.Fields = maps.Clone(r.Fields)
	return c
}

// Records implements [CRM].
func (f *Fake) Records() []Record {
	var records []Record
	for _, r := range f.All() {
		text := r.Body
		if f.config.Text != nil {
			text = f.config.Text(text)
		}
		if !r.Deleted {
			records = append(records, Record{LogID: r.ID, Text: text})
		}
	}
	return records
}

// Edit implements [CRM].
func (f *Fake) Edit(logID string, edit func(body string) string) error {
	return f.must(logID, func(r *FakeRecord) { r.Body = edit(r.Body) })
}

// Delete implements [CRM].
func (f *Fake) Delete(logID string) error {
	return f.must(logID, func(r *FakeRecord) { r.Deleted = true })
}

func (f *Fake) must(logID string, change func(*FakeRecord)) error {
	_, ok := f.Change(logID, func(r *FakeRecord) bool {
		change(r)
		return true
	})
	if !ok {
		return fmt.Errorf("adaptertest: no record %q", logID)
	}
	return nil
}

package pipedrivetest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// call is one authorised API call, as an endpoint sees it.
type call struct {
	user   User
	id     int64 // of the path; 0 where it has none
	query  url.Values
	header http.Header
	body   []byte
}

// endpoint is one operation: its x-token-cost and its query parameters are
// those of the OpenAPI files.
type endpoint struct {
	cost   int
	params params
	serve  func(*Server, call) response
}

// params are the query parameters of an endpoint, each with what finds fault
// with a value ("" for none).
type params map[string]func(value string) string

var (
	currentUser   = map[string]endpoint{"GET": {2, nil, (*Server).getCurrentUser}}
	activityTypes = map[string]endpoint{"GET": {20, nil, (*Server).getActivityTypes}}

	// routes has the methods of each path; a path that ends in / goes on with
	// an id.
	routes = map[string]map[string]endpoint{
		"/v1/users/me":          currentUser,
		"/api/v1/users/me":      currentUser,
		"/v1/activityTypes":     activityTypes,
		"/api/v1/activityTypes": activityTypes,
		"/api/v2/persons/": {
			"GET": {1, personParams, (*Server).getPerson},
		},
		"/api/v2/activities": {
			"GET":  {10, listParams, (*Server).listActivities},
			"POST": {5, nil, (*Server).addActivity},
		},
		"/api/v2/activities/": {
			"GET":    {1, params{"include_fields": oneOf("attendees")}, (*Server).getActivity},
			"PATCH":  {5, nil, (*Server).updateActivity},
			"DELETE": {3, nil, (*Server).deleteActivity},
		},
	}
)

// handle answers a request as the API does, without faults.
func (s *Server) handle(r *http.Request, body []byte) response {
	credential, user, ok := s.authenticate(r.Header)
	if !ok {
		res := gatewayError(http.StatusUnauthorized, "unauthorized access")
		res.header.Set("x-401-by-gw", "true")
		return res
	}
	methods, id := route(r.URL.Path)
	if methods == nil {
		if strings.HasPrefix(credential, "Bearer ") {
			return gatewayError(http.StatusForbidden, "Scope and URL mismatch")
		}
		return gatewayError(http.StatusNotFound, "Unknown method")
	}
	endpoint, ok := methods[r.Method]
	if !ok {
		return failure(http.StatusMethodNotAllowed, "Method not allowed", "")
	}

	header, refusal := s.spend(credential, endpoint.cost)
	var res response
	if refusal != nil {
		res = *refusal
	} else {
		res = endpoint.answer(s, call{user: user, header: r.Header, body: body}, r.URL.RawQuery, id)
	}
	maps.Copy(res.header, header)
	return res
}

// route finds the methods of a path, nil if there are none, and the id in it.
func route(path string) (methods map[string]endpoint, id string) {
	slash := strings.LastIndexByte(path, '/') + 1
	switch id = path[slash:]; {
	case id == "":
		return nil, ""
	case routes[path[:slash]] != nil:
		return routes[path[:slash]], id
	}
	return routes[path], ""
}

// answer checks path and query before the endpoint serves the call.
func (e endpoint) answer(s *Server, c call, rawQuery, id string) response {
	var problems []string
	if id != "" {
		if problem := isID(id); problem != "" {
			problems = append(problems, "id: "+problem)
		}
		c.id, _ = strconv.ParseInt(id, 10, 64)
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return failure(http.StatusBadRequest, "Malformed query string", "ERR_BAD_REQUEST")
	}
	c.query = query
	for _, name := range slices.Sorted(maps.Keys(query)) {
		check, ok := e.params[name]
		switch {
		case !ok:
			problems = append(problems, notAllowed(name))
		case len(query[name]) > 1:
			problems = append(problems, name+": This parameter is given more than once.")
		default:
			if problem := check(query[name][0]); problem != "" {
				problems = append(problems, name+": "+problem)
			}
		}
	}
	if problems != nil {
		return invalid(problems)
	}
	return e.serve(s, c)
}

// authenticate finds the credential of a request and whose it is.
func (s *Server) authenticate(h http.Header) (credential string, user User, ok bool) {
	credential = h.Get("x-api-token")
	if auth := h.Get("Authorization"); auth != "" {
		scheme, token, _ := strings.Cut(auth, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", User{}, false
		}
		credential = "Bearer " + token
	} else if strings.Contains(credential, " ") {
		return "", User{}, false
	}
	if s.cfg.Users == nil {
		return credential, defaultUser, credential != "" && credential != "Bearer "
	}
	user, ok = s.cfg.Users[credential]
	return credential, user, ok
}

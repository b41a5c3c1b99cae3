package opendentaltest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one method of the API.
type route struct {
	method  string
	pattern string // "/appointments/{AptNum}/Confirm"
	since   version
	needs   Permission
	query   map[string]version // parameters, with the version that added each
	fields  map[string]version // body fields likewise
	writes  bool
	handle  func(*call) (reply, error)

	parts []string
}

// everyQuery is what every list takes.
const everyQuery = "Limit Offset DateFormatString:22.2.26 DateTimeFormatString:22.2.14"

// define makes a route. query and fields are names with an optional version,
// as in "PatNum AptStatus:22.4.28".
func define(method, pattern, since string, needs Permission, query, fields string, handle func(*call) (reply, error)) *route {
	return &route{
		method: method, pattern: pattern, since: mustVersion(since), needs: needs,
		query: gates(query + " " + everyQuery), fields: gates(fields),
		writes: method != http.MethodGet && !strings.HasPrefix(pattern, "/queries/"),
		handle: handle, parts: strings.Split(strings.TrimPrefix(pattern, "/"), "/"),
	}
}

func gates(list string) map[string]version {
	m := map[string]version{}
	for _, item := range strings.Fields(list) {
		name, since, _ := strings.Cut(item, ":")
		if since == "" {
			since = "0"
		}
		m[name] = mustVersion(since)
	}
	return m
}

// match finds the route of a path under the API's root. A written-out segment
// wins over a key.
func (o *Office) match(method, path string) (*route, map[string]string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	var best *route
	var values map[string]string
	for _, r := range o.routes {
		if r.method != method || len(r.parts) != len(parts) {
			continue
		}
		found := map[string]string{}
		ok := true
		for i, part := range r.parts {
			if strings.HasPrefix(part, "{") {
				found[part[1:len(part)-1]] = parts[i]
				ok = ok && isNumber(parts[i])
			} else {
				ok = ok && part == parts[i]
			}
		}
		if ok && (best == nil || len(found) < len(values)) {
			best, values = r, found
		}
	}
	return best, values
}

func isNumber(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// unknownMethod is the answer the real server gives to a route it does not
// have, with its two blanks where no sub-route was named.
func unknownMethod(method, path string) error {
	resource, rest, _ := strings.Cut(strings.Trim(path, "/"), "/")
	return &apiError{http.StatusNotFound, resource + " " + method + " " + rest + " is not a valid method."}
}

// check refuses what this office's version does not know, and what nobody
// knows.
func (r *route) check(v version, query url.Values, body map[string]any, lenient bool) error {
	if !v.atLeast(r.since) {
		return bad("This method requires Open Dental version %s or later.", r.since)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		since, known := r.query[name]
		switch {
		case !known && !lenient:
			return bad("%s is not a valid parameter.", name)
		case known && !v.atLeast(since):
			return bad("%s requires Open Dental version %s or later.", name, since)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		since, known := r.fields[name]
		switch {
		case !known && !lenient:
			return bad("%s is not a valid field.", name)
		case known && !v.atLeast(since):
			return bad("%s requires Open Dental version %s or later.", name, since)
		}
	}
	return nil
}

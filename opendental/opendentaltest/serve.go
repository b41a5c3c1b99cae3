package opendentaltest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// root is the path under which the API lives in every mode.
const root = "/api/v1"

// maxBody is the most characters of a POST or PUT ("API Implementation").
const maxBody = 16_800_000

// ServeHTTP answers one request to the API.
func (o *Office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !o.begin() {
		panic(http.ErrAbortHandler)
	}
	defer o.running.Done()
	ex := Exchange{Method: r.Method, Route: UnknownRoute, Started: time.Now()}
	ex.Query = slices.Sorted(maps.Keys(r.URL.Query()))
	a, cut := o.serve(r, &ex)
	ex.Took, ex.Status, ex.ResponseBytes = time.Since(ex.Started), a.status, len(a.body)
	if cut {
		ex.Status, ex.ResponseBytes = 0, 0
	}
	o.seen(ex)
	if cut {
		// The documented way to make a server drop the connection unanswered.
		panic(http.ErrAbortHandler)
	}
	for name, value := range a.header {
		if name == "Location" {
			value = baseURL(r) + value
		}
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + root
}

// serve works out the answer. cut means that the connection ends without one.
func (o *Office) serve(r *http.Request, ex *Exchange) (a answer, cut bool) {
	path, under := strings.CutPrefix(r.URL.Path, root)
	route, values := o.match(r.Method, path)
	if under && route != nil {
		ex.Route = route.pattern
	}
	o.count(ex.Method, ex.Route)
	key, err := o.authorize(r)
	if err != nil {
		return o.answer(reply{}, err), false
	}
	o.mu.Lock()
	permissions := key.Permissions
	o.mu.Unlock()
	leave, wait, err := o.enter(r.Context(), key, permissions)
	ex.Waited = time.Since(ex.Started)
	switch {
	case err != nil:
		return answer{}, true // the client went away, or the office was closed
	case wait > 0:
		return tooMany(wait), false
	}
	defer leave()
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	ex.RequestBytes = len(raw)
	if err != nil {
		return answer{}, true
	}
	if !under || route == nil {
		return o.answer(reply{}, unknownMethod(r.Method, path)), false
	}
	if route.needs&^permissions != 0 {
		return o.answer(reply{}, unauthorized("The customer key does not have the %s permission.", route.needs)), false
	}
	ctx := context.WithoutCancel(r.Context())
	apply := func() answer {
		return o.answer(o.apply(ctx, route, values, r, raw, permissions))
	}
	injected := o.fault(r.Method, route.pattern)
	if injected == nil {
		return apply(), false
	}
	ex.Fault = injected.fault.Kind
	return injected.strike(o, apply)
}

func (o *Office) enter(ctx context.Context, key *customer, p Permission) (func(), time.Duration, error) {
	interval := o.interval(p)
	if interval == 0 {
		return func() {}, 0, nil
	}
	return key.gate.enter(ctx, o.closed, interval, o.cfg.ThrottleReject)
}

func tooMany(wait time.Duration) answer {
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	return answer{
		status: http.StatusTooManyRequests,
		header: map[string]string{"Content-Type": plain["Content-Type"], "Retry-After": strconv.Itoa(seconds)},
		body:   []byte("Too many requests."),
	}
}

// apply runs a method against the tables.
func (o *Office) apply(ctx context.Context, rt *route, path map[string]string, r *http.Request, raw []byte, p Permission) (reply, error) {
	if len(raw) > maxBody {
		return reply{}, bad("The request body exceeds the maximum of 16.8 million characters.")
	}
	var body map[string]any
	if r.Method != http.MethodGet {
		var err error
		if body, err = decodeBody(raw); err != nil {
			return reply{}, err
		}
	}
	query := r.URL.Query()
	if err := rt.check(o.officeVersion(), query, body, o.cfg.AllowUnknownFields); err != nil {
		return reply{}, err
	}
	run := o.read
	if rt.writes {
		run = o.write
	}
	var answered reply
	err := run(ctx, func(s *session) error {
		var err error
		s.api = true
		c := &call{session: s, route: rt, query: query, body: body, path: path, limit: o.pageLimit(p)}
		if answered, err = rt.handle(c); err == nil {
			answered.body = c.reformat(answered.body)
		}
		return err
	})
	return answered, err
}

// count notes an attempt. Refused ones count as well: they cost the same.
func (o *Office) count(method, pattern string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[method+" "+pattern]++
}

// Count is the number of requests so far to one method, such as "PUT" and
// "/appointments/{AptNum}/Confirm", whatever was answered. An http.Client may
// send a GET again by itself when a connection it reused is cut; that counts.
func (o *Office) Count(method, route string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[method+" "+route]
}

// Counts is the number of requests by method and route, as in
// "GET /patients/Simple". The map is the caller's.
func (o *Office) Counts() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.counts)
}

// ResetCounts sets every count to zero.
func (o *Office) ResetCounts() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.counts)
}

// Routes lists every method of the API that is emulated, as in
// "GET /patients/Simple", sorted.
func (o *Office) Routes() []string {
	var list []string
	for _, r := range o.routes {
		list = append(list, r.method+" "+r.pattern)
	}
	slices.Sort(list)
	return list
}

func (o *Office) seen(ex Exchange) {
	if o.cfg.Log != nil {
		o.cfg.Log.Info("open dental request", slog.String("method", ex.Method), slog.String("route", ex.Route),
			slog.Int("status", ex.Status), slog.Duration("took", ex.Took))
	}
	if o.cfg.Observe != nil {
		o.cfg.Observe(ex)
	}
}

// RoundTripper answers requests in the same process without a connection, for
// tests that must not open sockets or that run under testing/synctest. A cut
// connection is an error of the round trip. The host in the URL does not
// matter, the path does.
func (o *Office) RoundTripper() http.RoundTripper { return inProcess{o} }

type inProcess struct{ o *Office }

var errCut = errors.New("opendentaltest: connection reset by the emulator")

func (t inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.Host = r.URL.Host
	defer in.Body.Close()
	type outcome struct {
		rec *recorder
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		rec := &recorder{header: http.Header{}}
		defer func() {
			if p := recover(); p != nil {
				if p != http.ErrAbortHandler {
					panic(p)
				}
				done <- outcome{err: errCut}
			}
		}()
		t.o.ServeHTTP(rec, in)
		done <- outcome{rec: rec}
	}()
	select {
	case <-r.Context().Done(): // the request itself goes on, as on a real server
		return nil, r.Context().Err()
	case out := <-done:
		if out.err != nil {
			return nil, out.err
		}
		return out.rec.response(r), nil
	}
}

package opendental

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/pmswriteback/pms/driver"
)

const (
	// answerLimit bounds an answer. Lists come in pages of at most 1,000.
	answerLimit = 16 << 20
	// documentsLimit bounds a list of documents: one that nobody has opened yet
	// may hold its whole content in its Note, up to 16.8 M characters. A page of
	// one new row and its overlap has to fit.
	documentsLimit = (overlap + 2) * bodyChars
	// refusalLimit bounds the text of a refusal.
	refusalLimit = 64 << 10

	dialTimeout = 10 * time.Second
	tlsTimeout  = 10 * time.Second

	// sendWithin is how long after the beginning of Write its request may leave at
	// the least. VerifyAfter rests on it: a request that leaves late is at work
	// late.
	sendWithin = 30 * time.Second
)

// client sends requests to one API address with one pair of keys.
type client struct {
	base    string
	auth    driver.Secret
	timeout time.Duration
	gateKey gateKey
	reads   *http.Client
	writes  *http.Client
	traced  bool // the transport is one of net/http, which tells what it does
}

func newClient(cfg Config) *client {
	c := &client{
		base:    cfg.base(),
		auth:    driver.NewSecret("ODFHIR " + cfg.DeveloperKey.Reveal() + "/" + cfg.CustomerKey.Reveal()),
		timeout: cfg.timeout(),
		gateKey: newGateKey(cfg.server(), cfg.DeveloperKey, cfg.CustomerKey),
	}
	var own http.RoundTripper = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: tlsTimeout,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     30 * time.Second,
	}
	if cfg.HTTP != nil && cfg.HTTP.Transport != nil {
		own = cfg.HTTP.Transport
	}
	c.reads = noRedirects(own)
	// Writes have connections of their own, one each. On a fresh connection
	// net/http never sends a request a second time, and a connection that the
	// server has meanwhile closed cannot make a payment uncertain.
	if t, ok := own.(*http.Transport); ok {
		fresh := t.Clone()
		fresh.DisableKeepAlives = true
		own, c.traced = fresh, true
	}
	c.writes = noRedirects(own)
	return c
}

func noRedirects(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (c *client) closeIdle() {
	c.reads.CloseIdleConnections()
	c.writes.CloseIdleConnections()
}

// call is one request.
type call struct {
	op     string // for errors: "post payment"
	method string
	path   string // below the base address, ids escaped
	query  url.Values
	body   []byte
	upload *upload // instead of body
	// effect is set when the request may change something in the PMS, so that
	// every doubt about its fate has to be told.
	effect bool
	// missing is the reason of a 404, when there is a better one than the text's.
	missing driver.Reason
	// limit bounds the answer; 0 is answerLimit.
	limit int64
}

// timing is what a context carries about the operation that a request belongs to.
type timing struct {
	turn   turn
	began  time.Time // who began first goes first
	sendBy time.Time // for effects; zero is no bound
	money  bool      // see freshFor
	upload bool      // see isKnownFit
}

type timingKey struct{}

func withTiming(ctx context.Context, t timing) context.Context {
	t.began = time.Now()
	return context.WithValue(ctx, timingKey{}, t)
}

func timingOf(ctx context.Context) timing {
	if t, ok := ctx.Value(timingKey{}).(timing); ok {
		return t
	}
	return timing{turn: turnRead, began: time.Now()}
}

// do sends q once and hands the records of a 2xx answer to each. It returns the
// answer's status; every error is a *driver.Error.
func (c *client) do(ctx context.Context, g *gate, q call, each func(row) error) (int, error) {
	start, leave, err := c.enter(ctx, g, q, timingOf(ctx))
	if err != nil {
		return 0, waitError(q.op, err)
	}
	defer leave()

	limit := c.timeout
	if q.upload != nil {
		limit += uploadExtra
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// Whether the request may have left: it is about to once it has a connection.
	// A transport that tells nothing (not one of net/http underneath) may have sent
	// it.
	var traced, left atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { traced.Store(true) },
		GotConn: func(got httptrace.GotConnInfo) {
			if waitFor(ctx, start); ctx.Err() != nil && q.effect {
				_ = got.Conn.Close() // its own; nothing can be sent any more
				return
			}
			left.Store(true)
			g.sent()
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { g.sent() },
	})

	req, err := c.request(ctx, q)
	if err != nil {
		return 0, rejected(q.op, driver.ReasonInvalid, "the request cannot be made")
	}
	hc := c.reads
	if q.effect {
		hc = c.writes
		req.Close = true
	}
	resp, err := hc.Do(req)
	if err != nil {
		kind := driver.ErrUnavailable
		if left.Load() || !traced.Load() {
			kind = doubt(q.effect)
		}
		return 0, transportError(q.op, kind, ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()

	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, refusalLimit))
		e := statusError(q, resp.StatusCode, resp.Header, string(text))
		if resp.StatusCode == http.StatusTooManyRequests {
			g.refused(e.RetryAfter)
		}
		return resp.StatusCode, e
	}
	size := q.limit
	if size == 0 {
		size = answerLimit
	}
	if each == nil {
		each = func(row) error { return nil }
	}
	if err := decodeRows(&limited{r: resp.Body, n: size}, each); err != nil {
		return resp.StatusCode, transportError(q.op, doubt(q.effect), ctx, err)
	}
	if !q.effect {
		// A body that was not read to its end costs the connection.
		_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	}
	return resp.StatusCode, nil
}

// connectAhead is how long before its turn a request with an effect begins to
// connect: its connection is a new one each time.
const connectAhead = 250 * time.Millisecond

// enter waits for the request's turn, for an effect no longer than it may. It may
// be sent at start.
func (c *client) enter(ctx context.Context, g *gate, q call, when timing) (start time.Time, leave func(), err error) {
	if q.effect && !when.sendBy.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, when.sendBy)
		defer cancel()
	}
	if err := ctx.Err(); err != nil {
		return start, nil, err
	}
	if q.effect && c.traced {
		return g.enterAhead(ctx, when.turn, connectAhead)
	}
	leave, err = g.enter(ctx, when.turn)
	return start, leave, err
}

// waitFor waits for a moment; a context that ends is noticed by who asked.
func waitFor(ctx context.Context, moment time.Time) {
	left := time.Until(moment)
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (c *client) request(ctx context.Context, q call) (*http.Request, error) {
	var body io.Reader
	length := int64(0)
	switch {
	case q.upload != nil:
		body, length = q.upload, q.upload.length()
	case q.body != nil:
		// Hidden from net/http, which would otherwise learn how to send it again.
		body, length = struct{ io.Reader }{bytes.NewReader(q.body)}, int64(len(q.body))
	}
	address := c.base + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, q.method, address, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = length
	req.Header.Set("Authorization", c.auth.Reveal())
	// The API wants it on every request, those without a body included.
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// do is client.do within the life of the connection.
func (c *conn) do(ctx context.Context, q call, each func(row) error) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	if c.life.Err() != nil {
		return 0, unavailable(q.op, "the connection is closed")
	}
	return c.client.do(ctx, c.gate, q, each)
}

// get reads the records of one answer.
func (c *conn) get(ctx context.Context, q call) ([]row, error) {
	q.method = http.MethodGet
	var rows []row
	_, err := c.do(ctx, q, func(r row) error { rows = append(rows, r); return nil })
	return rows, err
}

// getOne reads one record; an answer without any is an error.
func (c *conn) getOne(ctx context.Context, q call) (row, error) {
	rows, err := c.get(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, unavailable(q.op, errGarbled.Error())
	}
	return rows[0], nil
}

// preference reads one preference; empty when the office has no such.
func (c *conn) preference(ctx context.Context, op, name string) (string, error) {
	rows, err := c.get(ctx, call{op: op, path: "/preferences", query: url.Values{"PrefName": {name}}})
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if r.text("PrefName") == name {
			return r.text("ValueString"), nil
		}
	}
	return "", nil
}

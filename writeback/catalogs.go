package writeback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// Catalogs returns the practice's catalogs as last read, with their time, and
// the PMS's Info; ok is false while the PMS was never reached.
func (p *Practice) Catalogs(ctx context.Context) (lists settings.Catalogs, info driver.Info, ok bool, err error) {
	if err := p.current(ctx); err != nil {
		return lists, info, false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.info == nil {
		return p.catalogs, driver.Info{}, false, nil
	}
	return p.catalogs, *p.info, true, nil
}

// RefreshCatalogs has the catalogs and Info read anew at once, here or wherever
// the practice is worked on. Asking again before that changes nothing.
func (p *Practice) RefreshCatalogs(ctx context.Context) error {
	if err := p.usable(); err != nil {
		return err
	}
	if err := p.askFor(ctx, loopCatalog); err != nil {
		return fmt.Errorf("writeback: refresh catalogs: %w", err)
	}
	return nil
}

func (p *Practice) catalogsKnown() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.info != nil
}

func (p *Practice) catalogsAge() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.catalogs.AsOf)
}

// refreshCatalogs reads Info and every supported catalog, all or none, keeps
// them in the store, tells what they broke or mended, and lets what waits be
// decided again. When it fails, what was read before stays in force.
func (p *Practice) refreshCatalogs(ctx context.Context) error {
	info, lists, met, err := p.readCatalogs(ctx)
	if err != nil {
		return err
	}
	docs, err := catalogDocs(info, lists)
	if err != nil {
		return err
	}
	catalogs := settings.Catalogs{Lists: lists}.Indexed()
	// What cannot be stored must not count either: another process would decide
	// otherwise.
	if p.isOtherPMS(info) {
		if err := p.leavePMS(ctx, info, docs); err != nil {
			return err
		}
	}
	remembered := p.newLabels(catalogs)
	if remembered != nil {
		w, err := remembered.write()
		if err != nil {
			return err
		}
		docs = append(docs, w)
	}
	if err := p.storeChecked(ctx, catalogs, info, docs, p.isNews(info, lists)); err != nil {
		return fmt.Errorf("writeback: store catalogs: %w", err)
	}
	if remembered != nil {
		p.setLabels(remembered)
	}
	p.takeCatalogs(info, catalogs, time.Now(), 0)
	p.mu.Lock()
	p.closed = nil
	p.mu.Unlock()
	p.line.meet(met, nil)
	p.back.Store(false)
	p.redecide.Store(true)
	return nil
}

// readCatalogs asks the PMS, and says through which connection. An error leaves
// nothing half read behind.
func (p *Practice) readCatalogs(ctx context.Context) (info driver.Info, lists map[driver.Catalog][]driver.Option, met driver.Conn, err error) {
	err = p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
		met = conn
		if said, ok := p.line.answered(conn); ok {
			info = said
			return nil
		}
		info, err = conn.Info(ctx)
		return err
	})
	if err != nil {
		return info, nil, nil, err
	}
	lists = map[driver.Catalog][]driver.Option{}
	for _, c := range driver.Catalogs() {
		if !info.Catalogs[c].Supported {
			continue
		}
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			lists[c], err = driver.ReadCatalog(ctx, conn, c)
			return err
		})
		if err != nil {
			return info, nil, nil, err
		}
	}
	return info, lists, met, nil
}

// catalogDocs are the documents of what was read: those that are not read any
// more are deleted.
func catalogDocs(info driver.Info, lists map[driver.Catalog][]driver.Option) ([]DocWrite, error) {
	docs := make([]DocWrite, 0, len(driver.Catalogs())+2)
	for _, c := range driver.Catalogs() {
		w := DocWrite{Name: docCatalog + string(c), Expect: -1}
		if list, ok := lists[c]; ok {
			data, err := json.Marshal(list)
			if err != nil {
				return nil, fmt.Errorf("writeback: encode catalog %s", c)
			}
			w.Value = data
		}
		docs = append(docs, w)
	}
	data, err := json.Marshal(info)
	if err != nil {
		return nil, errors.New("writeback: encode info")
	}
	return append(docs, DocWrite{Name: docInfo, Value: data, Expect: -1}), nil
}

// isNews reports whether other processes should hear of what was read.
func (p *Practice) isNews(info driver.Info, lists map[driver.Catalog][]driver.Option) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.info == nil {
		return true
	}
	was := *p.info
	was.Clock.Skew, info.Clock.Skew = 0, 0 // it is another one each time
	return !sameJSON(was, info) || !sameJSON(p.catalogs.Lists, lists)
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// takeCatalogs takes into use what was read from the PMS, or, with its version,
// from the store.
func (p *Practice) takeCatalogs(info driver.Info, catalogs settings.Catalogs, asOf time.Time, version int64) {
	catalogs.AsOf = asOf
	p.mu.Lock()
	if version > 0 && p.knows(asOf, version) {
		p.mu.Unlock()
		return
	}
	p.info, p.infoAsOf, p.catalogs = &info, asOf, catalogs
	if version > 0 {
		p.infoVersion = version
	}
	if p.revision == 0 {
		p.settings, _ = p.initial()
	}
	p.mu.Unlock()
	p.setIntervals()
}

// current is load for who must not miss what another process read from the PMS
// a moment ago: its catalogs are looked for each time.
func (p *Practice) current(ctx context.Context) error {
	if err := p.load(ctx); err != nil {
		return err
	}
	if p.works() {
		return nil // nobody else reads them
	}
	doc, err := p.e.cfg.Store.Doc(ctx, p.id, docInfo)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("writeback: read info: %w", err)
	}
	p.mu.Lock()
	same := p.infoVersion == doc.Version
	p.mu.Unlock()
	if same {
		return nil
	}
	return p.loadCatalogs(ctx)
}

// loadCatalogs takes what is in the store into use.
func (p *Practice) loadCatalogs(ctx context.Context) error {
	stored, err := p.e.cfg.Store.Doc(ctx, p.id, docInfo)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("writeback: read info: %w", err)
	}
	asOf := time.Now().Add(-stored.Age)
	p.mu.Lock()
	known := p.knows(asOf, stored.Version)
	p.mu.Unlock()
	if known {
		return nil
	}
	docs, err := p.e.cfg.Store.Docs(ctx, p.id, docCatalog)
	if err != nil {
		return fmt.Errorf("writeback: read catalogs: %w", err)
	}
	lists := map[driver.Catalog][]driver.Option{}
	for _, d := range docs {
		var list []driver.Option
		if err := json.Unmarshal(d.Value, &list); err != nil {
			return fmt.Errorf("writeback: stored catalog %s is damaged", d.Name)
		}
		lists[driver.Catalog(strings.TrimPrefix(d.Name, docCatalog))] = list
	}
	var info driver.Info
	if err := json.Unmarshal(stored.Value, &info); err != nil {
		return errors.New("writeback: stored info is damaged")
	}
	p.takeCatalogs(info, settings.Catalogs{Lists: lists}.Indexed(), asOf, stored.Version)
	return nil
}

// knows reports whether what is in use is as new as what the store has; mu is
// held. Who works on the practice reads the PMS, and has what it stored.
func (p *Practice) knows(asOf time.Time, version int64) bool {
	return p.info != nil && !asOf.After(p.infoAsOf) && (p.working || version <= p.infoVersion)
}

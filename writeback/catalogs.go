package writeback

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// Catalogs returns the practice's catalogs as last read, with their time, and
// the PMS's Info; ok is false while the PMS was never reached.
func (p *Practice) Catalogs(ctx context.Context) (lists settings.Catalogs, info driver.Info, ok bool, err error) {
	if err := p.load(ctx); err != nil {
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
// them in the store, and lets what waits be decided again.
func (p *Practice) refreshCatalogs(ctx context.Context) error {
	var info driver.Info
	var met driver.Conn
	err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
		met = conn
		if said, ok := p.line.answered(conn); ok {
			info = said
			return nil
		}
		info, err = conn.Info(ctx)
		return err
	})
	if err != nil {
		return err
	}
	lists := map[driver.Catalog][]driver.Option{}
	for _, c := range driver.Catalogs() {
		if !info.Catalogs[c].Supported {
			continue
		}
		var list []driver.Option
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			list, err = driver.ReadCatalog(ctx, conn, c)
			return err
		})
		if err != nil {
			return err
		}
		lists[c] = list
	}
	// What cannot be stored must not count either: another process would decide
	// otherwise.
	docs := make([]DocWrite, 0, len(lists)+1)
	for c, list := range lists {
		data, err := json.Marshal(list)
		if err != nil {
			return fmt.Errorf("writeback: encode catalog %s", c)
		}
		docs = append(docs, DocWrite{Name: docCatalog + string(c), Value: data, Expect: -1})
	}
	data, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("writeback: encode info")
	}
	docs = append(docs, DocWrite{Name: docInfo, Value: data, Expect: -1})
	for _, c := range driver.Catalogs() {
		if _, ok := lists[c]; !ok {
			docs = append(docs, DocWrite{Name: docCatalog + string(c), Expect: -1})
		}
	}
	cats := settings.Catalogs{Lists: lists, AsOf: time.Now()}.Indexed()
	change := Change{Practice: p.id, Fence: p.lease.Fence(), Docs: docs}
	changed, err := p.changePMS(ctx, info, &change)
	if err != nil {
		return err
	}
	var remembered labels
	if !changed {
		if remembered = p.newLabels(cats); remembered != nil {
			w, err := remembered.write()
			if err != nil {
				return err
			}
			change.Docs = append(change.Docs, w)
		}
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: store catalogs: %w", err)
	}
	if changed {
		if err := p.forgetPMS(ctx); err != nil {
			return err
		}
	}
	if remembered != nil {
		p.setLabels(remembered)
	}
	p.mu.Lock()
	p.info, p.infoAsOf = &info, cats.AsOf
	p.catalogs = cats
	p.closed = nil
	doc := p.settings
	p.mu.Unlock()
	p.line.meet(met, nil)
	p.setIntervals(doc)
	p.redecide.Store(true)
	return nil
}

// loadCatalogs takes what is in the store into use.
func (p *Practice) loadCatalogs(ctx context.Context) error {
	docs, err := p.e.cfg.Store.Docs(ctx, p.id, docCatalog)
	if err != nil {
		return fmt.Errorf("writeback: read catalogs: %w", err)
	}
	infoDocs, err := p.e.cfg.Store.Docs(ctx, p.id, docInfo)
	if err != nil {
		return fmt.Errorf("writeback: read info: %w", err)
	}
	lists := map[driver.Catalog][]driver.Option{}
	var asOf time.Time
	for _, d := range docs {
		var list []driver.Option
		if err := json.Unmarshal(d.Value, &list); err != nil {
			return fmt.Errorf("writeback: stored catalog %s is damaged", d.Name)
		}
		lists[driver.Catalog(strings.TrimPrefix(d.Name, docCatalog))] = list
		asOf = time.Now().Add(-d.Age)
	}
	var info *driver.Info
	for _, d := range infoDocs {
		if d.Name == docInfo {
			info = &driver.Info{}
			if err := json.Unmarshal(d.Value, info); err != nil {
				return fmt.Errorf("writeback: stored info is damaged")
			}
			asOf = time.Now().Add(-d.Age)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.info == nil || asOf.After(p.infoAsOf) {
		p.info, p.infoAsOf = info, asOf
		p.catalogs = settings.Catalogs{Lists: lists, AsOf: asOf}.Indexed()
	}
	return nil
}

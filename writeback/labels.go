package writeback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// A PMS that reuses ids gives a deleted option's to a new one, and only the label
// tells. Settings that were saved before any catalog was read have ids alone; what
// the options were called when they were first seen is remembered for them, so
// that a reuse is found out and held until a person chooses again.

// labels are remembered labels, by catalog and id.
type labels map[settings.LabelKey]string

type labelJSON struct {
	Catalog driver.Catalog `json:"catalog"`
	ID      string         `json:"id"`
	Label   string         `json:"label"`
}

// write is the document that remembers them; none when there are none.
func (l labels) write() (DocWrite, error) {
	if len(l) == 0 {
		return DocWrite{Name: docLabels, Expect: -1}, nil
	}
	list := make([]labelJSON, 0, len(l))
	for k, label := range l {
		list = append(list, labelJSON{k.Catalog, k.ID, label})
	}
	data, err := json.Marshal(list)
	if err != nil {
		return DocWrite{}, fmt.Errorf("writeback: encode labels")
	}
	return DocWrite{Name: docLabels, Value: data, Expect: -1}, nil
}

// neededBy returns those that a document still needs.
func (l labels) neededBy(doc settings.Document) labels {
	out := labels{}
	for _, at := range doc.References() {
		k := settings.LabelKey{Catalog: at.Catalog, ID: at.Ref.ID}
		if label, ok := l[k]; ok && at.Ref.Label == "" {
			out[k] = label
		}
	}
	return out
}

// labelsOf are those that a document has itself.
func labelsOf(doc *settings.Document) labels {
	out := labels{}
	if doc == nil {
		return out
	}
	for _, at := range doc.References() {
		if at.Ref.Label != "" {
			out[settings.LabelKey{Catalog: at.Catalog, ID: at.Ref.ID}] = at.Ref.Label
		}
	}
	return out
}

// labelled gives a document's references the labels that they stand for: an id
// alone chooses nothing anew. It counts only where ids are reused, or may be.
func (p *Practice) labelled(doc settings.Document, before *settings.Document) settings.Document {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.info != nil && !p.info.ReusesIDs {
		return doc
	}
	return doc.WithLabels(labelsOf(before)).WithLabels(p.labels)
}

// labelsFor are those to remember for a document that is saved.
func (p *Practice) labelsFor(doc settings.Document) labels {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.labels.neededBy(doc)
}

// loadLabels takes into use what is remembered.
func (p *Practice) loadLabels(ctx context.Context) error {
	doc, err := p.e.cfg.Store.Doc(ctx, p.id, docLabels)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("writeback: read labels: %w", err)
	}
	var list []labelJSON
	if len(doc.Value) > 0 {
		if err := json.Unmarshal(doc.Value, &list); err != nil {
			return errors.New("writeback: the stored labels are damaged; save the settings anew")
		}
	}
	known := labels{}
	for _, l := range list {
		known[settings.LabelKey{Catalog: l.Catalog, ID: l.ID}] = l.Label
	}
	p.setLabels(known)
	return nil
}

func (p *Practice) setLabels(l labels) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.labels = l
	p.settings = p.settings.WithLabels(l)
}

// newLabels are those that catalogs which were just read add to what is
// remembered; nil for none.
func (p *Practice) newLabels(cats settings.Catalogs) labels {
	p.mu.Lock()
	defer p.mu.Unlock()
	missing := p.settings.MissingLabels(cats)
	if len(missing) == 0 {
		return nil
	}
	all := maps.Clone(p.labels)
	if all == nil {
		all = labels{}
	}
	maps.Copy(all, missing)
	return all
}

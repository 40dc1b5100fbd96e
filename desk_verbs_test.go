package credits_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// labelled holds what a usage costs that has labels.
func labelled(labels map[string]string) credits.Reserve {
	return credits.Reserve{Feature: "run", Quantity: 2, Until: day("2026-01-09"), Note: credits.Note{Labels: labels}}
}

func TestDeskVerbs(t *testing.T) {
	ann := map[string]string{"by": "ann"}
	t.Run("L-1/holds begin and end in one commit with all else", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			holds := []*call{
				o.ask(o.ctx, acme, "h1", labelled(ann)), o.ask(o.ctx, acme, "h2", labelled(ann)),
				o.ask(o.ctx, acme, "h3", labelled(nil)),
			}
			o.kept(holds...)
			o.store.forget()
			o.shut()
			o.spends(acme, "first")
			capture := o.ask(o.ctx, acme, "capture", credits.Capture{Hold: holds[0].ID, All: true})
			o.ask(o.ctx, acme, "part", credits.Capture{Hold: holds[1].ID, Quantity: 1})
			o.ask(o.ctx, acme, "release", credits.Release{Hold: holds[2].ID})
			o.ask(o.ctx, acme, "zone", credits.SetZone{Zone: "Asia/Tokyo"})
			o.ask(o.ctx, acme, "carry", credits.CarryOver{Amount: n("1"), Note: credits.Note{Reason: "sorry"}})
			o.ask(o.ctx, "dora", "open", credits.Open{Plan: monthly("10")})
			o.ask(o.ctx, "dora", "spend", credits.Spend{Amount: n("1")})
			o.through()
			o.through()
			o.kept(o.calls...)
			o.wrote("acme first", "dora open spend, acme capture part release zone carry")
			if o.store.loads != 1 {
				o.Errorf("%d loads, want that of the new wallet alone", o.store.loads)
			}
			if e := capture.Entries[0]; e.Quantity != 2 || e.Note.Labels["by"] != "ann" {
				o.Errorf("the capture has not what its hold was for: %+v", e)
			}
		})
	})
	t.Run("what a capture inherits is the same, whoever made the hold", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			mine := o.ask(o.ctx, acme, "mine", labelled(ann))
			o.kept(mine)
			known := inherited(o, "known", mine.ID, 0)
			o.other(acme, "other", labelled(ann))
			o.kept(o.spends(acme, "reads anew")...)
			read := inherited(o, "read", mine.ID+2, 1)
			if diff := cmp.Diff(known, read); diff != "" || known.Note.Labels["by"] != "ann" {
				o.Errorf("%+v, and:\n%s", known, diff)
			}
		})
	})
	t.Run("L-1/captures of what another process holds are one query and one commit", func(t *testing.T) {
		inOffice(t, func(o *office) {
			other := o.over(o.rig.store)
			var holds []credits.ID
			for i := range 40 {
				r, err := other.Do(o.ctx, acme, credits.Key(fmt.Sprint("h", i)), labelled(ann))
				if err != nil {
					t.Fatal(err)
				}
				holds = append(holds, r.ID)
			}
			o.warm()
			o.shut()
			o.spends("bob", "first")
			var all []*call
			for i, id := range holds {
				all = append(all, o.ask(o.ctx, acme, credits.Key(fmt.Sprint("c", i)), credits.Capture{Hold: id, All: true}))
			}
			o.through()
			o.through()
			o.kept(all...)
			if len(o.store.commits) != 2 || o.store.queries != 1 {
				o.Errorf("%d commits and %d queries", len(o.store.commits), o.store.queries)
			}
			for _, c := range all {
				if c.Entries[0].Note.Labels["by"] != "ann" {
					o.Fatalf("the capture is %+v", c.Entries[0])
				}
			}
		})
	})
	t.Run("one commit encodes so much, and the rest is in the next", func(t *testing.T) {
		inOffice(t, func(o *office) {
			large := monthly("10", func(p *credits.Plan) {
				for i := range 1000 {
					p.Features[fmt.Sprintf("feature %04d, with a name of some length", i)] = credits.Rate{Credits: credits.Credit}
				}
			})
			o.shut()
			o.spends(acme, "first")
			for i := range 30 {
				o.ask(o.ctx, credits.WalletID(fmt.Sprintf("w%02d", i)), "open", credits.Open{Plan: large})
			}
			o.ask(o.ctx, "w00", "spend", credits.Spend{Amount: n("1")})
			o.spends("bob", "last")
			for !o.calls[len(o.calls)-1].ended {
				o.through()
			}
			o.open()
			o.kept(o.calls...)
			if got := len(o.store.commits); got < 4 || got > 20 {
				o.Errorf("%d commits", got)
			}
		})
	})
	t.Run("L-4/what is inherited is sealed with the ledger's salt, as by itself", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		var all []map[string]string
		for _, salt := range []byte{1, 1, 2} {
			s := new(memory.Store)
			l := credits.New(s, &credits.Options{Clock: r.clock, Salt: [32]byte{salt}})
			if len(all) == 0 {
				l = l.On(s)
			}
			for i, cmd := range []credits.Command{credits.Open{Plan: monthly("100")}, labelled(ann), credits.Capture{Hold: 3, All: true}} {
				if _, err := l.Do(r.ctx, acme, credits.Key(fmt.Sprint(i)), cmd); err != nil {
					t.Fatal(err)
				}
			}
			all = append(all, dumpStore(t, s, ""))
		}
		if diff := cmp.Diff(all[0], all[1]); diff != "" {
			t.Errorf("not as by itself:\n%s", diff)
		}
		if cmp.Equal(all[1], all[2]) {
			t.Error("another salt makes the same seals")
		}
	})
	t.Run("what is handed out of a hold is not inherited from", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			h := o.ask(o.ctx, acme, "h", labelled(map[string]string{"by": "ann"}))
			o.kept(h)
			h.Entries[0].Note.Labels["by"] = "bob"
			c := o.ask(o.ctx, acme, "capture", credits.Capture{Hold: h.ID, All: true})
			if o.kept(c); c.Entries[0].Note.Labels["by"] != "ann" {
				o.Errorf("the capture is %+v", c.Entries[0])
			}
		})
	})
	t.Run("what may have been pruned of a hold is not remembered", func(t *testing.T) {
		inOffice(t, func(o *office) {
			long := labelled(ann)
			long.Until = day("2026-12-01")
			h := o.ask(o.ctx, acme, "h", long)
			o.kept(h)
			o.clock.Set(day("2026-01-01").Add(credits.Retention))
			o.store.forget()
			o.kept(o.ask(o.ctx, acme, "capture", credits.Capture{Hold: h.ID, All: true}))
			if o.store.queries == 0 {
				o.Error("the capture did not look what is stored")
			}
		})
	})
	t.Run("what was erased of a hold is not inherited", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			h := o.ask(o.ctx, acme, "h", labelled(ann))
			o.kept(h, o.ask(o.ctx, acme, "erase", credits.Erase{Entries: []credits.ID{h.ID}}))
			c := o.ask(o.ctx, acme, "capture", credits.Capture{Hold: h.ID, All: true})
			if o.kept(c); len(c.Entries[0].Note.Labels) > 0 || c.Entries[0].Quantity != 2 {
				o.Errorf("the capture is %+v", c.Entries[0])
			}
		})
	})
	t.Run("S-6/the end of a hold that has ended says how it did, and is not overtaken", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			h := o.ask(o.ctx, acme, "h", labelled(nil))
			o.kept(h, o.ask(o.ctx, acme, "release", credits.Release{Hold: h.ID}))
			o.store.forget()
			o.shut()
			o.spends(acme, "first")
			o.spends(acme, "before")
			late := o.ask(o.ctx, acme, "late", credits.Capture{Hold: h.ID, All: true})
			never := o.ask(o.ctx, acme, "never", credits.Release{Hold: 4711})
			after := o.spends(acme, "after")
			o.open()
			o.kept(after...)
			o.wrote("acme first", "acme before", "acme after")
			no := (*credits.RefusedError)(nil)
			if !errors.As(late.err, &no) || no.Reason != credits.Ended || no.Detail != "the hold was released at 2026-01-01T00:00:00Z" {
				o.Errorf("the late one: %v", late.err)
			}
			if !errors.Is(never.err, credits.ErrNotFound) {
				o.Errorf("of no hold: %v", never.err)
			}
		})
	})
}

// inherited captures all of a hold, in one commit, without a load, and with so many
// queries, and returns what the capture has of it.
func inherited(o *office, key credits.Key, hold credits.ID, queries int) credits.Entry {
	o.Helper()
	o.store.forget()
	c := o.ask(o.ctx, acme, key, credits.Capture{Hold: hold, All: true})
	o.kept(c)
	if o.wrote("acme " + string(key)); o.store.loads != 0 || o.store.queries != queries {
		o.Errorf("%d loads and %d queries", o.store.loads, o.store.queries)
	}
	e := c.Entries[0]
	return credits.Entry{Kind: e.Kind, Feature: e.Feature, Quantity: e.Quantity, Factors: e.Factors, Note: e.Note}
}

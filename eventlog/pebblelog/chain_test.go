package pebblelog

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/assayhq/assay/eventlog"
)

// golden returns the events of testdata/layout1.tar.gz, which assay wrote before there was a chain.
func golden() (streams []string, batches [][]eventlog.Event) {
	for i := range 40 {
		stream := []string{"flag-shop.banner", "measurement-shop.production.2026-11-22", "experiment-shop.trial"}[i%3]
		command := fmt.Sprintf("golden.%d", i)
		events := make([]eventlog.Event, 1+i%4)
		for j := range events {
			events[j] = eventlog.Event{
				ID: eventlog.NewID(command, j), Type: "Noted", Data: fmt.Appendf(nil, `{"n":%d,"of":%d}`, j, i),
				Meta: map[string]string{"actor": "ann", "command": command},
			}
			if i%5 == 0 {
				events[j].Meta = nil
			}
			if i%7 == 0 {
				events[j].Data = nil
			}
		}
		streams, batches = append(streams, stream), append(batches, events)
	}
	return streams, batches
}

// chainOf folds the events apart from any log.
func chainOf(streams []string, batches [][]eventlog.Event) (chain eventlog.Hash, n int) {
	for i, events := range batches {
		for _, e := range events {
			chain = chain.Link(eventlog.Digest(streams[i], e))
			n++
		}
	}
	return chain, n
}

// unpack returns the files of an archive on a disk in memory.
func unpack(t *testing.T, name string) *vfs.MemFS {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	disk := vfs.NewCrashableMem()
	for files := tar.NewReader(plain); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.FileInfo().IsDir() {
			if err := disk.MkdirAll(strings.TrimSuffix(h.Name, "/"), 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		out, err := disk.Create(h.Name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, files); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(out.Sync(), out.Close(), syncFolder(disk, path.Dir(h.Name)), syncFolder(disk, "")); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

func TestAFolderFromBeforeTheChainGetsItWhenItIsOpened(t *testing.T) {
	disk := unpack(t, "layout1.tar.gz")
	streams, batches := golden()
	want, n := chainOf(streams, batches)
	for range 2 { // the second opening finds the chain
		log := open(t, "log", Options{FS: disk})
		if tip := log.Tip(); tip.Chain != want || tip.Position != eventlog.Position(n) {
			t.Fatalf("the head is %+v, want %d and %v", tip, n, want)
		}
		whole(t, log)
		got := history(t, log)
		for i := 0; len(batches) > i; i++ {
			for _, e := range batches[i] {
				if got[0].ID != e.ID || string(got[0].Data) != string(e.Data) || len(got[0].Meta) != len(e.Meta) || got[0].Stream != streams[i] || got[0].RecordedAt.Year() != 2026 {
					t.Fatalf("position %d is %+v, want %+v of %s", got[0].Position, got[0], e, streams[i])
				}
				got = got[1:]
			}
		}
		shut(t, log)
	}
}

// The power is cut at every operation of the upgrade.
func TestAPowerCutDuringTheUpgradeHindersNothing(t *testing.T) {
	want, n := chainOf(golden())
	for before := 1; ; before++ {
		s := &powerCut{disk: unpack(t, "layout1.tar.gz"), at: []int{before}, random: rand.New(rand.NewPCG(uint64(before), 2))}
		log, err := Open("log", Options{FS: s.fs()})
		if err != nil {
			t.Fatal(err)
		}
		shut(t, log)
		if len(s.cuts) == 0 {
			if before < 10 {
				t.Fatalf("the upgrade has only %d operations", before)
			}
			return
		}
		again := open(t, "log", Options{FS: s.cuts[0].clone})
		if tip := again.Tip(); tip.Chain != want || tip.Position != eventlog.Position(n) {
			t.Fatalf("cut at operation %d: the head is %+v, want %d and %v", before, tip, n, want)
		}
		shut(t, again)
	}
}

// whole checks that a log has no fault.
func whole(t *testing.T, log *Log) Verified {
	t.Helper()
	seen, err := log.Verify(t.Context(), func(f Fault) { t.Errorf("fault: %+v", f) })
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func faults(t *testing.T, log *Log) string {
	t.Helper()
	var out []string
	seen, err := log.Verify(t.Context(), func(f Fault) { out = append(out, fmt.Sprint(f.Position, " ", f.Kind)) })
	if err != nil || seen.Faults != len(out) {
		t.Fatalf("%+v, %v", seen, err)
	}
	return strings.Join(out, ", ")
}

// Each change is one that whoever can write to the database could make.
func TestVerifyNamesWhateverWasChanged(t *testing.T) {
	get := func(log *Log, p eventlog.Position) []byte {
		value, closer, err := log.db.Get(eventKey(nil, p))
		if err != nil {
			t.Fatal(err)
		}
		defer closer.Close()
		return append([]byte(nil), value...)
	}
	put := func(log *Log, key, value []byte) {
		if err := log.db.Set(key, value, pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		change func(*Log)
		want   string
	}{
		"nothing": {func(*Log) {}, ""},
		"data":    {func(l *Log) { v := get(l, 7); v[len(v)-1] ^= 1; put(l, eventKey(nil, 7), v) }, "7 changed"},
		"the id":  {func(l *Log) { v := get(l, 7); v[atDigest] ^= 1; put(l, eventKey(nil, 7), v) }, "7 changed"},
		"the first and the last": {func(l *Log) {
			for _, p := range []eventlog.Position{1, 20} {
				v := get(l, p)
				v[len(v)-1] ^= 1
				put(l, eventKey(nil, p), v)
			}
		}, "1 changed, 20 changed"},
		"the chain": {func(l *Log) { v := get(l, 7); v[atChain] ^= 1; put(l, eventKey(nil, 7), v) }, "7 changed, 8 changed"},
		"missing": {func(l *Log) {
			if err := l.db.Delete(eventKey(nil, 7), pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}, "7 missing, 8 unconfirmed"},
		"swapped": {func(l *Log) {
			a, b := get(l, 7), get(l, 12)
			put(l, eventKey(nil, 7), b)
			put(l, eventKey(nil, 12), a)
		}, "7 moved, 8 unconfirmed, 12 moved, 13 unconfirmed"},
		"neighbours swapped": {func(l *Log) {
			a, b := get(l, 7), get(l, 8)
			put(l, eventKey(nil, 7), b)
			put(l, eventKey(nil, 8), a)
		}, "7 moved, 8 moved, 9 unconfirmed"},
		"no bytes of a record": {func(l *Log) { put(l, eventKey(nil, 7), []byte{9, 9}) }, "7 unreadable, 8 unconfirmed"},
		"an index":             {func(l *Log) { put(l, streamKey(nil, "flag-a", 6), make([]byte, 8)) }, "7 index"},
		"a key too many":       {func(l *Log) { put(l, categoryKey(nil, "other", 3), nil) }, "20 index"},
	} {
		t.Run(name, func(t *testing.T) {
			log := open(t, "log", Options{FS: written(t, 10)})
			c.change(log)
			if got := faults(t, log); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhoRewritesTheChainTooIsFoundByAHeadKeptElsewhere(t *testing.T) {
	log := open(t, "log", Options{FS: written(t, 10)})
	kept := log.Tip()
	forged := open(t, "forged", Options{FS: vfs.NewMem()})
	if _, err := forged.Load(t.Context(), func(yield func(eventlog.Entry, error) bool) {
		for e, err := range log.Entries(t.Context(), 0) {
			if e.Position == 7 {
				e.Data = []byte("another story")
			}
			if !yield(e, err) {
				return
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	whole(t, forged) // it is consistent with itself
	if chain, err := forged.ChainAt(kept.Position); err != nil || chain == kept.Chain {
		t.Errorf("the forged log has the chain of the real one (%v)", err)
	}
	if chain, err := log.ChainAt(kept.Position); err != nil || chain != kept.Chain {
		t.Errorf("the real log has another chain (%v)", err)
	}
	if _, err := log.ChainAt(kept.Position + 1); !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("beyond the head: %v", err)
	}
}

// A copy has ids, revisions, order and recorded times, wherever its making was cut short and taken up again.
func TestLoadMakesTheSameLog(t *testing.T) {
	log := open(t, "log", Options{FS: unpack(t, "layout1.tar.gz")})
	if n, err := log.Trim(t.Context(), "experiment-shop.trial"); err != nil || n == 0 {
		t.Fatalf("trimmed %d, %v", n, err)
	}
	to := open(t, "copy", Options{FS: vfs.NewMem()})
	cut := errors.New("cut")
	if _, err := to.Load(t.Context(), func(yield func(eventlog.Entry, error) bool) {
		for e, err := range log.Entries(t.Context(), 0) {
			if e.Position == 31 {
				yield(e, cut)
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}); !errors.Is(err, cut) {
		t.Fatal(err)
	}
	n, err := to.Load(t.Context(), log.Entries(t.Context(), to.Tip().Position))
	if err != nil || to.Tip() != log.Tip() || n == 0 {
		t.Fatalf("%d more, the copy ends at %+v, the log at %+v (%v)", n, to.Tip(), log.Tip(), err)
	}
	whole(t, to)
	a, b := history(t, log), history(t, to)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("the copy reads back as another log")
	}
	if _, err := to.Load(t.Context(), log.Entries(t.Context(), 40)); !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("loading events twice: %v, want invalid", err)
	}
	end := to.Tip().Position
	if p, err := to.Append(t.Context(), "flag-new", eventlog.NoStream, batch("new", 1)...); err != nil || p != end+1 {
		t.Errorf("the next append is at %d, %v", p, err)
	}
	whole(t, to)
}

func TestATrimmedStreamIsHiddenAndTheChainStays(t *testing.T) {
	disk := unpack(t, "layout1.tar.gz")
	log := open(t, "log", Options{FS: disk})
	before := log.Tip()
	const stream = "measurement-shop.production.2026-11-22"
	count := 0
	for range log.Stream(t.Context(), stream, 0) {
		count++
	}
	for _, want := range []int{count, 0} { // the second time there is nothing left to trim
		if n, err := log.Trim(t.Context(), stream); err != nil || n != want {
			t.Fatalf("trimmed %d, %v, want %d", n, err, want)
		}
	}
	for range 2 {
		if seen := whole(t, log); seen.Trimmed != count || seen.Tip != before {
			t.Errorf("verified %+v, want %d trimmed and the head %+v", seen, count, before)
		}
		for e, err := range log.Stream(t.Context(), stream, 0) {
			t.Errorf("the stream still has %+v, %v", e, err)
		}
		for _, f := range []eventlog.Filter{{}, {Categories: []string{"flag", "measurement"}}} {
			got, err := readable(t, log, f)
			if err != nil || len(got) == 0 {
				t.Fatal(err)
			}
			for _, e := range got {
				if e.Stream == stream {
					t.Errorf("position %d is still there", e.Position)
				}
			}
		}
		shut(t, log)
		log = open(t, "log", Options{FS: disk})
	}
	// A retry of what was trimmed is still one, and the stream counts on.
	if p, err := log.Append(t.Context(), stream, eventlog.NoStream, eventlog.Event{ID: eventlog.NewID("golden.1", 0), Type: "Noted"}); err != nil || p != 2 {
		t.Errorf("the retry is at %d, %v, want 2", p, err)
	}
	if _, err := log.Append(t.Context(), stream, eventlog.Revision(count-1), batch("more", 1)...); err != nil {
		t.Error(err)
	}
	whole(t, log)
}

func TestACheckpointOpensAsALog(t *testing.T) {
	dir := t.TempDir()
	log := open(t, filepath.Join(dir, "log"), Options{})
	for i := range 20 {
		if _, err := log.Append(t.Context(), "flag-a", eventlog.Revision(i)-1, batch(fmt.Sprint(i), 1)...); err != nil {
			t.Fatal(err)
		}
	}
	want := log.Tip()
	if err := log.Checkpoint(filepath.Join(dir, "copy")); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), "flag-a", 19, batch("later", 1)...); err != nil {
		t.Fatal(err)
	}
	to := open(t, filepath.Join(dir, "copy"), Options{})
	if got := to.Tip(); got.Position != want.Position || got.Chain != want.Chain {
		t.Errorf("the copy ends at %+v, want %+v", got, want)
	}
	whole(t, to)
}

func TestVerifyingEndsWithItsContext(t *testing.T) {
	log := open(t, "log", Options{FS: written(t, 10)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := log.Verify(ctx, func(f Fault) { t.Errorf("fault: %+v", f) }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

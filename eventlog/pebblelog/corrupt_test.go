package pebblelog

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/assayhq/assay/eventlog"
)

// written returns the disk of a new log of n appends of two events each whose process was killed.
func written(t *testing.T, n int) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewCrashableMem()
	log := open(t, "log", Options{FS: disk})
	for i := range n {
		if _, err := log.Append(t.Context(), "flag-a", eventlog.Revision(2*i)-1, batch(fmt.Sprint(i), 2)...); err != nil {
			t.Fatal(err)
		}
	}
	return disk.CrashClone(vfs.CrashCloneCfg{})
}

// change rewrites the file with the suffix that is newest, or the largest one of them.
func change(t *testing.T, disk *vfs.MemFS, suffix string, f func([]byte) []byte) {
	t.Helper()
	names, err := disk.List("log")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	slices.Reverse(names)
	at := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, suffix) && size(t, disk, name) > 0 })
	if at < 0 {
		t.Fatalf("no file *%s in %v", suffix, names)
	}
	name := path.Join("log", names[at])
	file, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	file, err = disk.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(f(bytes)); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
}

func size(t *testing.T, disk *vfs.MemFS, name string) int64 {
	t.Helper()
	info, err := disk.Stat(path.Join("log", name))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A write-ahead log that ends anywhere opens; whole appends are left, and they go on where they end.
func TestATornTailIsDropped(t *testing.T) {
	const appends, cuts = 20, 60
	last := -1
	for c := range cuts + 1 {
		disk := written(t, appends)
		change(t, disk, ".log", func(b []byte) []byte { return b[:len(b)*c/cuts] })
		log := open(t, "log", Options{FS: disk})
		events := history(t, log)
		if len(events)%2 != 0 || len(events) < last {
			t.Errorf("cut at %d/%d: %d events, after %d with an earlier cut", c, cuts, len(events), last)
		}
		last = len(events)
		for i, e := range events {
			if e.ID != eventlog.NewID(fmt.Sprint(i/2), i%2) || e.Position != eventlog.Position(i+1) {
				t.Fatalf("cut at %d/%d: position %d holds another event", c, cuts, e.Position)
			}
		}
		p, err := log.Append(t.Context(), "flag-a", eventlog.Revision(last)-1, batch("next", 1)...)
		if err != nil || p != eventlog.Position(last+1) {
			t.Errorf("cut at %d/%d: the next append is at %d, %v", c, cuts, p, err)
		}
		shut(t, log)
	}
	if last != 2*appends {
		t.Errorf("%d events without a cut, want %d", last, 2*appends)
	}
}

// A flipped bit in the write-ahead log is refused even in the first session of a folder: taking it for the end would lose
// what follows. Only in the last block of 32 KiB can it not be told from a torn tail.
func TestAFlippedBitInTheWriteAheadLogIsCorruption(t *testing.T) {
	disk := vfs.NewCrashableMem()
	log := open(t, "log", Options{FS: disk})
	for i := range 40 {
		if _, err := log.Append(t.Context(), "flag-a", eventlog.Revision(i)-1, batch(fmt.Sprint(i), 4)[3]); err != nil {
			t.Fatal(err)
		}
	}
	for eighth := range 6 { // of about 170 kB
		clone := disk.CrashClone(vfs.CrashCloneCfg{})
		change(t, clone, ".log", func(b []byte) []byte { b[len(b)*eighth/8+100] ^= 4; return b })
		log, err := Open("log", Options{FS: clone})
		if err == nil {
			shut(t, log)
		}
		if !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), "folder log") {
			t.Errorf("in eighth %d: got %v, want corruption of the folder", eighth, err)
		}
	}
}

// A flipped bit in a table is found when it is read: everything before it is delivered, then comes the error.
func TestAFlippedBitInATableIsCorruptionAndNothingIsSkipped(t *testing.T) {
	const n = 400
	disk := vfs.NewMem()
	log := open(t, "log", Options{FS: disk})
	for i := range n {
		e := batch(fmt.Sprint(i), 1)
		e[0].Data = fmt.Appendf(nil, "%x", time.Duration(i*7919)*time.Hour)
		if _, err := log.Append(t.Context(), "flag-a", eventlog.Revision(i)-1, e...); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, log)
	change(t, disk, ".sst", func(b []byte) []byte { b[len(b)/2] ^= 4; return b })

	told := make(chan error, 2)
	log = open(t, "log", Options{FS: disk, Failed: func(err error) { told <- err }})
	events, err := readable(t, log, eventlog.Filter{})
	if !errors.Is(err, eventlog.ErrCorrupt) || len(events) >= n {
		t.Fatalf("%d of %d events, then %v, want corruption", len(events), n, err)
	}
	for i, e := range events {
		if e.Position != eventlog.Position(i+1) {
			t.Fatalf("position %d in place %d: something was skipped", e.Position, i+1)
		}
	}
	if _, err := readable(t, log, eventlog.Filter{Categories: []string{"flag"}}); !errors.Is(err, eventlog.ErrCorrupt) {
		t.Errorf("filtered: %v, want corruption", err)
	}
	if err := <-told; !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), ".sst") {
		t.Errorf("told %v, want the corruption and its file", err)
	}
	if _, err := log.Append(t.Context(), "flag-b", eventlog.NoStream, batch("b", 1)...); !errors.Is(err, eventlog.ErrUnavailable) || !errors.Is(err, eventlog.ErrCorrupt) {
		t.Errorf("appending to a corrupt log: %v, want unavailable because it is corrupt", err)
	}
	shut(t, log)
	if len(told) != 0 {
		t.Errorf("told again: %v, want once", <-told)
	}
}

func TestAHoleInTheLogIsCorruption(t *testing.T) {
	for name, key := range map[string][]byte{
		"an event":                 eventKey(nil, 7),
		"a revision":               streamKey(nil, "flag-a", 6),
		"an event under its index": eventKey(nil, 7),
	} {
		disk := written(t, 10)
		log := open(t, "log", Options{FS: disk})
		if err := log.db.Delete(key, pebble.Sync); err != nil {
			t.Fatal(err)
		}
		var err error
		var events []eventlog.Recorded
		switch name {
		case "an event":
			events, err = readable(t, log, eventlog.Filter{})
		case "a revision":
			for e, failed := range log.Stream(t.Context(), "flag-a", 0) {
				if err = failed; err == nil {
					events = append(events, e)
				}
			}
		default:
			events, err = readable(t, log, eventlog.Filter{Categories: []string{"flag"}})
		}
		if !errors.Is(err, eventlog.ErrCorrupt) || len(events) != 6 {
			t.Errorf("without %s: %d events, then %v, want 6 and corruption", name, len(events), err)
		}
		shut(t, log)
	}
}

func TestAFolderOfANewerVersionIsRefused(t *testing.T) {
	disk := written(t, 1)
	log := open(t, "log", Options{FS: disk})
	if err := log.db.Set(settingKey(layoutName), []byte("3"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	shut(t, log)
	if _, err := Open("log", Options{FS: disk}); !errors.Is(err, eventlog.ErrUnavailable) || !strings.Contains(err.Error(), "newer") {
		t.Errorf("got %v, want the advice to use a newer version", err)
	}
}

func TestAPositionBeyondTheHeadIsRefused(t *testing.T) {
	log := open(t, "log", Options{FS: written(t, 1)})
	for _, err := range log.All(t.Context(), 3, eventlog.Filter{}) {
		if !errors.Is(err, eventlog.ErrInvalid) {
			t.Errorf("got %v, want invalid", err)
		}
	}
}

func TestARecordThatIsCutOrChangedDoesNotDecode(t *testing.T) {
	e := batch("c", 3)[2]
	record, digest := appendRecord(nil, "flag-a", e)
	stamp(record, time.Unix(1, 2), 5, eventlog.Hash{7})
	got, err := decode(9, record, true)
	if got.Digest != digest || digest != eventlog.Digest("flag-a", e) || got.Chain != (eventlog.Hash{7}) {
		t.Errorf("the hashes read back as %v and %v", got.Digest, got.Chain)
	}
	if err != nil || got.Revision != 5 || got.Position != 9 || got.Stream != "flag-a" || !got.RecordedAt.Equal(time.Unix(1, 2)) {
		t.Fatalf("got %+v, %v", got, err)
	}
	header := len(record) - len(e.Data)
	for n := range header {
		if _, err := decode(9, record[:n], true); !errors.Is(err, eventlog.ErrCorrupt) {
			t.Errorf("the first %d bytes decode: %v", n, err)
		}
	}
	for _, at := range []int{0, atDigest + atLength, atDigest + atLength + 3, atDigest + atHeader} {
		changed := slices.Clone(record)
		changed[at] ^= 0x10
		if _, err := decode(9, changed, true); !errors.Is(err, eventlog.ErrCorrupt) {
			t.Errorf("with byte %d changed it decodes: %v", at, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	record, _ := appendRecord(nil, "flag-a", batch("c", 1)[0])
	f.Add(record)
	f.Add(append([]byte{formatPlain}, append(record[atTime:atChain:atChain], record[atDigest:]...)...))
	f.Add(trimmed(record, eventlog.Entry{Recorded: eventlog.Recorded{Stream: "flag-a", Event: batch("c", 1)[0]}}))
	f.Add([]byte{formatPlain})
	f.Fuzz(func(t *testing.T, record []byte) {
		e, err := decode(1, record, true)
		if err != nil {
			if !errors.Is(err, eventlog.ErrCorrupt) {
				t.Errorf("got %v, want corruption", err)
			}
			return
		}
		again, _ := appendRecord(nil, e.Stream, e.Event)
		stamp(again, e.RecordedAt, e.Revision, e.Chain)
		back, err := decode(1, again, true)
		if err != nil || back.Stream != e.Stream || back.Type != e.Type || string(back.Data) != string(e.Data) || len(back.Meta) != len(e.Meta) {
			t.Errorf("%+v reads back as %+v, %v", e, back, err)
		}
	})
}

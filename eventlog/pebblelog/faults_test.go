package pebblelog

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/assayhq/assay/eventlog"
)

// killed returns the disk of a log of n events whose process was killed: whatever was written is there, synced or not.
func killed(t *testing.T, n int) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewCrashableMem()
	log := open(t, "log", Options{FS: disk})
	for i := range n {
		if _, err := log.Append(t.Context(), "flag-a", eventlog.Revision(i)-1, batch(fmt.Sprint(i), 4)[3]); err != nil {
			t.Fatal(err)
		}
	}
	return copyOf(disk)
}

// copyOf copies everything that is on the disk, synced or not.
func copyOf(disk *vfs.MemFS) *vfs.MemFS {
	return disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
}

// contents reads a file of the log's folder.
func contents(t *testing.T, disk vfs.FS, name string) []byte {
	t.Helper()
	file, err := disk.Open(path.Join("log", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	bytes, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// The end of a write-ahead log with a flipped bit looks like one that a power cut tore. The mark tells that what is missing
// was acknowledged, so not one bit can take acknowledged events away unnoticed.
func TestNoFlippedBitTakesAcknowledgedEventsAway(t *testing.T) {
	const n = 12
	disk := killed(t, n)
	names, err := disk.List("log")
	if err != nil {
		t.Fatal(err)
	}
	newest := ""
	for _, name := range names {
		if strings.HasSuffix(name, ".log") && size(t, disk, name) > 0 {
			newest = max(newest, name)
		}
	}
	bytes := contents(t, disk, newest)
	refused := 0
	for at := 0; at < len(bytes); at += len(bytes) / 150 {
		clone := copyOf(disk)
		change(t, clone, ".log", func(b []byte) []byte { b[at] ^= 1 << (at % 8); return b })
		log, err := Open("log", Options{FS: clone})
		if err != nil {
			if !errors.Is(err, eventlog.ErrCorrupt) {
				t.Errorf("bit %d of byte %d: %v, want corruption", at%8, at, err)
			}
			refused++
			continue
		}
		if seen := whole(t, log); seen.Events != n {
			t.Errorf("bit %d of byte %d: opens with %d of %d acknowledged events", at%8, at, seen.Events, n)
		}
		shut(t, log)
	}
	if refused < 100 {
		t.Errorf("only %d flipped bits of 150 were noticed", refused)
	}
}

func TestALogThatLostItsAcknowledgedEndSaysFromWhere(t *testing.T) {
	disk := killed(t, 12)
	change(t, disk, ".log", func(b []byte) []byte { return b[:len(b)-10] })
	_, err := Open("log", Options{FS: disk})
	if !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), "ends at position 11, but events up to position 12 were acknowledged") || !strings.Contains(err.Error(), markName) {
		t.Fatalf("got %v, want both positions and the way out", err)
	}
	if err := disk.Remove(path.Join("log", markName)); err != nil {
		t.Fatal(err)
	}
	if seen := whole(t, open(t, "log", Options{FS: disk})); seen.Events != 11 {
		t.Errorf("%d events without the mark, want 11", seen.Events)
	}
}

// A mark may be torn, old or missing; it never hinders the opening of a log that is right.
func TestADamagedMarkHindersNothing(t *testing.T) {
	for name, f := range map[string]func([]byte) []byte{
		"nothing left": func([]byte) []byte { return nil },
		"cut":          func(b []byte) []byte { return b[:markSize-3] },
		"both torn":    func(b []byte) []byte { b[3] ^= 1; b[markPlace+20] ^= 1; return b },
		"one torn":     func(b []byte) []byte { b[20] ^= 1; return b },
	} {
		disk := killed(t, 5)
		change(t, disk, markName, f)
		log := open(t, "log", Options{FS: disk})
		if seen := whole(t, log); seen.Events != 5 {
			t.Errorf("%s: %d events", name, seen.Events)
		}
		if _, err := log.Append(t.Context(), "flag-b", eventlog.NoStream, batch("b", 1)...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		shut(t, log)
	}
}

// Every table block is checked when it is read: a flipped bit anywhere in the tables is named by position or by the folder,
// and whatever else can be read is.
func TestEveryFlippedBitInATableIsNamed(t *testing.T) {
	const n = 300
	disk := vfs.NewCrashableMem()
	log := open(t, "log", Options{FS: disk})
	for i := range n {
		e := batch(fmt.Sprint(i), 1)
		e[0].Data = fmt.Appendf(nil, "%x", time.Duration(i*7919)*time.Hour)
		if _, err := log.Append(t.Context(), []string{"flag-a", "flag-b"}[i%2], eventlog.Any, e...); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, log)
	names, err := disk.List("log")
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, ".sst") })
	length := len(contents(t, disk, names[at]))
	named := 0
	for place := range 16 {
		clone := copyOf(disk)
		change(t, clone, ".sst", func(b []byte) []byte { b[place*length/16] ^= 4; return b })
		log, err := Open("log", Options{FS: clone})
		if err != nil {
			if !errors.Is(err, eventlog.ErrCorrupt) {
				t.Errorf("place %d: %v", place, err)
			}
			named++
			continue
		}
		found := 0
		seen, err := log.Verify(t.Context(), func(f Fault) {
			if found++; f.Position == 0 {
				t.Errorf("place %d: a fault without position: %+v", place, f)
			}
		})
		switch {
		case err != nil:
			if !errors.Is(err, eventlog.ErrCorrupt) {
				t.Errorf("place %d: %v", place, err)
			}
			named++
		case found > 0:
			named++
		case seen.Events != n:
			t.Errorf("place %d: %d of %d events and no fault", place, seen.Events, n)
		}
		_ = log.Close() // it may report the damage again
	}
	if named < 8 {
		t.Errorf("only %d of 16 flipped bits were named", named)
	}
}

func TestAFullDiskRefusesAppendsUntilThereIsRoom(t *testing.T) {
	disk := vfs.NewMem()
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30, TotalBytes: 1 << 31})
	warned := make(chan string, 10)
	log := open(t, "log", Options{FS: disk, Reserve: 1 << 20, Warn: func(s string) { warned <- s }})
	if _, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("a", 1)...); err != nil {
		t.Fatal(err)
	}
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 1 << 31})
	log.room.looked = time.Time{} // the committer is idle
	for range 2 {
		if _, err := log.Append(t.Context(), "flag-a", 0, batch("b", 1)...); !errors.Is(err, eventlog.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
			t.Fatalf("got %v, want to hear that the disk is full", err)
		}
	}
	if s := log.Status(); s.State != Full || s.FreeBytes != 1<<20 || !s.FreeKnown || s.Refused != 2 || !strings.Contains(s.Reason, "make room") {
		t.Errorf("the status is %+v", s)
	}
	if got := history(t, log); len(got) != 1 {
		t.Errorf("%d events can be read, want 1", len(got))
	}
	if len(warned) != 1 {
		t.Errorf("warned %d times, want once", len(warned))
	}
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30, TotalBytes: 1 << 31})
	log.room.looked = time.Time{}
	if p, err := log.Append(t.Context(), "flag-a", 0, batch("b", 1)...); err != nil || p != 2 {
		t.Errorf("with room again: position %d, %v", p, err)
	}
	if s := log.Status(); s.State != Writable || s.Reason != "" || s.Events != 2 {
		t.Errorf("the status is %+v", s)
	}
}

func TestASlowDiskKeepsNobodyLongerThanThePatience(t *testing.T) {
	disk := newFaultyDisk(vfs.NewMem())
	log := open(t, "log", Options{FS: disk, MaxWaiting: 2, Patience: 50 * time.Millisecond})
	hold := disk.holding()
	var first error
	var writers sync.WaitGroup
	writers.Go(func() { _, first = log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("a", 1)...) })
	<-hold.begun
	answers := make(chan error, 5)
	for i := range 5 {
		writers.Go(func() {
			_, err := log.Append(t.Context(), fmt.Sprintf("flag-%d", i), eventlog.NoStream, batch(fmt.Sprint(i), 1)...)
			answers <- err
		})
	}
	writers.Wait() // although the disk still hangs
	if !errors.Is(first, eventlog.ErrUnknownOutcome) {
		t.Errorf("the append on its way to the disk: %v, want an unknown outcome", first)
	}
	crowded := 0
	for range 5 {
		err := <-answers
		if !errors.Is(err, eventlog.ErrUnavailable) || !strings.Contains(err.Error(), "nothing was recorded") {
			t.Errorf("an append behind it: %v, want unavailable", err)
		}
		if strings.Contains(err.Error(), "2 appends wait") {
			crowded++
		}
	}
	if crowded < 3 {
		t.Errorf("%d appends were refused at once, want at least 3", crowded)
	}
	if s := log.Status(); s.Syncing <= 0 || s.State != Writable {
		t.Errorf("the status is %+v, want a write that goes on", s)
	}
	close(hold.release)
	if p, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("a", 1)...); err != nil || p != 1 {
		t.Errorf("the same append again: position %d, %v, want the original", p, err)
	}
	if got := history(t, log); len(got) != 1 {
		t.Errorf("%d events, want only the one that was on its way", len(got))
	}
}

// A write that takes long is told in the status; the clock is the test's.
func TestASlowWriteIsVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Log{queue: newQueue(1), opened: time.Now(), latch: &latch{}, closing: make(chan struct{}), closed: true}
		l.count.began.Store(int64(time.Second))
		time.Sleep(4 * time.Second)
		if s := l.Status(); s.Syncing != 3*time.Second || s.Reason != "the disk has not answered a write for 3s" || s.State != Writable {
			t.Errorf("the status is %+v", s)
		}
	})
}

func TestTheStatusFollowsTheLog(t *testing.T) {
	disk := newFaultyDisk(vfs.NewMem())
	took := make(chan int, 10)
	log, err := Open("log", Options{FS: disk, Synced: func(d time.Duration, appends int) {
		if d >= 0 {
			took <- appends
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("a", 3)...)
	if err != nil {
		t.Fatal(err)
	}
	if s := log.Status(); s.State != Writable || s.Tip.Position != p || s.Events != 3 || s.Appends != 1 || s.SizeBytes == 0 || <-took != 1 {
		t.Errorf("the status is %+v", s)
	}
	disk.failing(errorfs.OpFileSync)
	if _, err := log.Append(t.Context(), "flag-a", 2, batch("b", 1)...); !errors.Is(err, eventlog.ErrUnknownOutcome) {
		t.Fatal(err)
	}
	if s := log.Status(); s.State != ReadOnly || !strings.Contains(s.Reason, "until the server is started again") || s.Refused != 1 || s.Tip.Position != p {
		t.Errorf("the status is %+v", s)
	}
	_ = log.Close() // it reports the failure again
	if s := log.Status(); s.State != Closed {
		t.Errorf("the status is %+v", s)
	}
}

package pebblelog

import (
	"context"
	"errors"
	"flag"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/assayhq/assay/eventlog"
)

// faultyDisk fails or holds operations on the write-ahead log once armed.
type faultyDisk struct {
	*errorfs.FS
	fail atomic.Pointer[errorfs.OpKind]
	hold atomic.Pointer[held]
}

// held is a sync that has begun and does not end before it is released.
type held struct{ begun, release chan struct{} }

func newFaultyDisk(under vfs.FS) *faultyDisk {
	d := &faultyDisk{}
	d.FS = errorfs.Wrap(under, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !strings.HasSuffix(op.Path, ".log") {
			return nil
		}
		if h := d.hold.Load(); h != nil && isSync(op.Kind) && d.hold.CompareAndSwap(h, nil) {
			close(h.begun)
			<-h.release
		}
		if kind := d.fail.Load(); kind != nil && (op.Kind == *kind || isSync(op.Kind) && isSync(*kind)) {
			return errorfs.ErrInjected
		}
		return nil
	}))
	return d
}

func isSync(kind errorfs.OpKind) bool {
	return kind == errorfs.OpFileSync || kind == errorfs.OpFileSyncData || kind == errorfs.OpFileSyncTo
}

func (d *faultyDisk) failing(kind errorfs.OpKind) { d.fail.Store(&kind) }

// holding makes the next sync wait.
func (d *faultyDisk) holding() *held {
	h := &held{begun: make(chan struct{}), release: make(chan struct{})}
	d.hold.Store(h)
	return h
}

func TestAFailedSyncOrWriteMakesTheLogReadOnly(t *testing.T) {
	for name, kind := range map[string]errorfs.OpKind{"sync": errorfs.OpFileSync, "write": errorfs.OpFileWrite} {
		t.Run(name, func(t *testing.T) { failsOnce(t, kind) })
	}
}

func failsOnce(t *testing.T, kind errorfs.OpKind) {
	under := vfs.NewCrashableMem()
	disk := newFaultyDisk(under)
	var told atomic.Int32
	log, err := Open("log", Options{FS: disk, Failed: func(error) { told.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	durable, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("before", 2)...)
	if err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(log.All(t.Context(), durable, eventlog.Filter{}))
	defer stop()
	if _, err, _ := next(); err != nil { // the checkpoint: the reader now waits
		t.Fatal(err)
	}

	disk.failing(kind)
	if _, err := log.Append(t.Context(), "flag-a", 1, batch("during", 1)...); !errors.Is(err, eventlog.ErrUnknownOutcome) {
		t.Errorf("the append that met the failure: %v, want an unknown outcome", err)
	}
	disk.fail.Store(nil) // the disk is well again, but nobody knows what it holds
	for _, command := range []string{"during", "after"} {
		if _, err := log.Append(t.Context(), "flag-a", 1, batch(command, 1)...); !errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("an append after the failure: %v, want unavailable", err)
		}
	}
	if got := told.Load(); got != 1 {
		t.Errorf("told %d times of the failure, want once", got)
	}

	readsUpTo(t, log, durable)
	_ = log.Close() // it may report the failure again
	if e, err, _ := next(); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("the reader that waited got %v, %v, want unavailable", e, err)
	}
	settles(t, under)
}

// readsUpTo checks that flag-a, the only stream, is readable up to the last durable event.
func readsUpTo(t *testing.T, log *Log, durable eventlog.Position) {
	t.Helper()
	if head, err := log.Head(t.Context()); err != nil || head != durable {
		t.Errorf("the head is %d (%v), want the last durable event %d", head, err, durable)
	}
	if got := history(t, log); len(got) != int(durable) {
		t.Errorf("readers see %d events, want the %d durable ones", len(got), durable)
	}
	count := 0
	for _, err := range log.Stream(t.Context(), "flag-a", 0) {
		if err != nil {
			t.Error(err)
		}
		count++
	}
	if count != int(durable) {
		t.Errorf("the stream has %d events, want the %d durable ones", count, durable)
	}
}

// settles opens what is left after a power cut and repeats the append whose outcome was unknown.
func settles(t *testing.T, disk *vfs.MemFS) {
	t.Helper()
	log := open(t, "log", Options{FS: disk.CrashClone(vfs.CrashCloneCfg{})})
	p, err := log.Append(t.Context(), "flag-a", 1, batch("during", 1)...)
	if err != nil || p != 3 {
		t.Errorf("repeating the append: position %d, %v, want 3", p, err)
	}
	if got := history(t, log); len(got) != 3 || got[2].ID != eventlog.NewID("during", 0) {
		t.Errorf("%d events after repeating the append, want 3", len(got))
	}
}

// While one sync hangs, other appends queue behind it and share the fate of the next batch.
func TestAppendsOfAFailedBatchHaveAnUnknownOutcome(t *testing.T) {
	disk := newFaultyDisk(vfs.NewMem())
	log, err := Open("log", Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // it reports the failure again
	if _, err := log.Append(t.Context(), "flag-old", eventlog.NoStream, batch("old", 1)...); err != nil {
		t.Fatal(err)
	}
	hold := disk.holding()
	var first, original, retry, conflict, stale, repeated error
	var writers sync.WaitGroup
	writers.Go(func() { _, first = log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("first", 1)...) })
	<-hold.begun
	queue := func(answer *error, stream, command string) {
		waiting := log.queue.length()
		writers.Go(func() { _, *answer = log.Append(t.Context(), stream, eventlog.NoStream, batch(command, 1)...) })
		await(t, func() bool { return log.queue.length() == waiting+1 })
	}
	queue(&original, "flag-b", "b")
	queue(&retry, "flag-b", "b")
	queue(&conflict, "flag-b", "other")
	queue(&stale, "flag-old", "other")
	queue(&repeated, "flag-old", "old")
	// The first sync goes well; the one the queue shares does not.
	next := disk.holding()
	close(hold.release)
	<-next.begun
	disk.failing(errorfs.OpFileSync)
	close(next.release)
	writers.Wait()
	for name, c := range map[string]struct{ got, want error }{
		"an append of the batch before":               {first, nil},
		"an append of the batch":                      {original, eventlog.ErrUnknownOutcome},
		"its retry in the same batch":                 {retry, eventlog.ErrUnknownOutcome},
		"a conflict with what is not durable":         {conflict, eventlog.ErrUnavailable},
		"a conflict with durable events":              {stale, eventlog.ErrConflict},
		"a retry of durable events in the same batch": {repeated, nil},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

// await waits for a condition that another goroutine makes true.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	for !condition() {
		if t.Context().Err() != nil {
			t.Fatal("the condition never came true")
		}
		runtime.Gosched()
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func TestAnAppendGivenUpWhileQueuedIsNotRecordedAndOnceTakenIsUnknown(t *testing.T) {
	disk := newFaultyDisk(vfs.NewMem())
	log := open(t, "log", Options{FS: disk})
	hold := disk.holding()
	var taken, queued error
	var writers sync.WaitGroup
	takenCtx, giveUpTaken := context.WithCancel(t.Context())
	writers.Go(func() { _, taken = log.Append(takenCtx, "flag-a", eventlog.NoStream, batch("taken", 1)...) })
	<-hold.begun
	queuedCtx, giveUpQueued := context.WithCancel(t.Context())
	writers.Go(func() { _, queued = log.Append(queuedCtx, "flag-b", eventlog.NoStream, batch("queued", 1)...) })
	await(t, func() bool { return log.queue.length() == 1 })
	giveUpTaken()
	giveUpQueued()
	writers.Wait()
	if !errors.Is(taken, eventlog.ErrUnknownOutcome) || errors.Is(taken, context.Canceled) {
		t.Errorf("once taken: %v, want an unknown outcome and not the context's error", taken)
	}
	if !errors.Is(queued, context.Canceled) {
		t.Errorf("while queued: %v, want the context's error", queued)
	}
	if got := history(t, log); len(got) != 0 {
		t.Errorf("readers see %d events before they are durable", len(got))
	}
	for e, err := range log.Stream(t.Context(), "flag-a", 0) {
		t.Errorf("the stream shows %+v, %v before it is durable", e, err)
	}
	close(hold.release)
	if p, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("taken", 1)...); err != nil || p != 1 {
		t.Errorf("the same call again: position %d, %v, want the original 1", p, err)
	}
	if got := history(t, log); len(got) != 1 {
		t.Errorf("%d events, want only the one that was taken", len(got))
	}
}

func TestCloseAnswersWhoeverWaits(t *testing.T) {
	disk := newFaultyDisk(vfs.NewMem())
	log := open(t, "log", Options{FS: disk})
	hold := disk.holding()
	var taken, queued error
	var writers sync.WaitGroup
	writers.Go(func() { _, taken = log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("taken", 1)...) })
	<-hold.begun
	writers.Go(func() { _, queued = log.Append(t.Context(), "flag-b", eventlog.NoStream, batch("queued", 1)...) })
	await(t, func() bool { return log.queue.length() == 1 })
	writers.Go(func() { _ = log.Close() })
	<-log.closing
	await(t, func() bool { log.queue.mu.Lock(); defer log.queue.mu.Unlock(); return log.queue.closed })
	close(hold.release)
	writers.Wait()
	if taken != nil || !errors.Is(queued, eventlog.ErrUnavailable) {
		t.Errorf("taken: %v, want no error; queued: %v, want unavailable", taken, queued)
	}
	if _, err := log.Append(t.Context(), "flag-c", eventlog.NoStream, batch("late", 1)...); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("appending to a closed log: %v, want unavailable", err)
	}
	if _, err := log.Head(t.Context()); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("the head of a closed log: %v, want unavailable", err)
	}
	for _, err := range log.Stream(t.Context(), "flag-a", 0) {
		if !errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("a stream of a closed log: %v, want unavailable", err)
		}
	}
}

// A disk without room for tables must hold up neither closing nor what has been acknowledged.
func TestClosingDoesNotWaitForATableThatCannotBeWritten(t *testing.T) {
	var full atomic.Bool
	under := vfs.NewMem()
	disk := errorfs.Wrap(under, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && strings.HasSuffix(op.Path, ".sst") {
			return errorfs.ErrInjected
		}
		return nil
	}))
	var warned atomic.Int32
	log, err := Open("log", Options{FS: disk, Warn: func(string) { warned.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), "flag-a", eventlog.NoStream, batch("a", 3)...); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	if err := log.Close(); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("closing: %v, want to hear that the disk has no room", err)
	}
	if warned.Load() == 0 {
		t.Error("nobody was warned")
	}
	if got := history(t, open(t, "log", Options{FS: under})); len(got) != 3 {
		t.Errorf("%d events after opening again, want 3", len(got))
	}
}

func TestASecondOpenerIsToldWhichFolderIsInUse(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	refused := func(err error) {
		t.Helper()
		if !errors.Is(err, eventlog.ErrUnavailable) || !strings.Contains(err.Error(), dir) {
			t.Errorf("got %v, want unavailable and the folder %s", err, dir)
		}
	}
	_, err := Open(dir, Options{})
	refused(err)
	_, err = Open(filepath.Join(dir, "x", ".."), Options{})
	refused(err)

	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOpenForAnotherProcess$", "-folder="+dir)
	answer, err := other.Output()
	if err != nil || !strings.Contains(string(answer), "refused: "+eventlog.ErrUnavailable.Error()) || !strings.Contains(string(answer), dir) {
		t.Errorf("another process got %s (%v), want to be refused with the folder", answer, err)
	}
}

var folderOfAnother = flag.String("folder", "", "the folder that TestOpenForAnotherProcess opens")

// TestOpenForAnotherProcess is the other process of the test above.
func TestOpenForAnotherProcess(t *testing.T) {
	dir := *folderOfAnother
	if dir == "" {
		t.Skip("only runs as another test's second process")
	}
	log, err := Open(dir, Options{})
	if err == nil {
		_ = log.Close()
		t.Fatal("opened a folder that another process has open")
	}
	_, _ = os.Stdout.WriteString("refused: " + err.Error() + "\n")
}

func TestAFolderThatCannotBeMadeIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); err == nil || !strings.Contains(err.Error(), file) || errors.Is(err, errHeld) {
		t.Errorf("got %v, want an error that names %s", err, file)
	}
}

package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/eventlogtest"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/projectionstest"
	"github.com/assayhq/assay/projections/ruleset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openLog(t testing.TB, folder string) *pebblelog.Log {
	t.Helper()
	log, err := pebblelog.Open(folder, pebblelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}

// fill records events of every shape that a log takes: binary and textual data, odd names, no metadata, several at once.
func fill(t testing.TB, log eventlog.Log) {
	t.Helper()
	datas := [][]byte{
		nil, []byte(`{"a":1.0,"b":"<&>\u2028"}`), []byte("{\"a\":\"\u2028 <&>\"}"), []byte(` {"spaces": true} `), []byte("{\n}"), []byte("null"),
		{0xff, 0, 1},
		[]byte("no JSON"), []byte(`"text"`), []byte("{\"bad\":\"\xff\"}"), bytes.Repeat([]byte("x"), 100_000), []byte(`{"n":12345678901234567890.0}`),
	}
	ends := map[string]eventlog.Revision{}
	for i := range 60 {
		stream := []string{"flag-shop.banner", "measurement-shop.production.2026-11-22", "experiment-größer.\"x\"\n"}[i%3]
		events := make([]eventlog.Event, 1+i%3)
		for j := range events {
			events[j] = eventlog.Event{ID: eventlog.NewID(fmt.Sprint(i), j), Type: "Noted", Data: datas[(i+j)%len(datas)], Meta: map[string]string{"actor": "ann <\u2028>", "n": fmt.Sprint(i)}}
			if i%4 == 0 {
				events[j].Meta = nil
			}
		}
		end, known := ends[stream]
		if !known {
			end = eventlog.NoStream
		}
		if _, err := log.Append(t.Context(), stream, end, events...); err != nil {
			t.Fatal(err)
		}
		ends[stream] = end + eventlog.Revision(len(events))
	}
}

func ignore(int64) {}

// contents is all that two copies of a log must agree in; recorded times are an embedded log's only.
func contents(t testing.TB, log eventlog.Log, times bool) []eventlog.Recorded {
	t.Helper()
	var out []eventlog.Recorded
	for e, err := range eventlog.Entries(t.Context(), log, 0) {
		if err != nil {
			t.Fatal(err)
		}
		r := e.Recorded
		r.Position = 0
		if !times {
			r.RecordedAt = time.Time{}
		}
		if len(r.Data) == 0 {
			r.Data = nil
		}
		if len(r.Meta) == 0 {
			r.Meta = nil
		}
		out = append(out, r)
	}
	return out
}

func TestTheHeadIsTheSameOnEveryEngine(t *testing.T) {
	embedded, memory := openLog(t, t.TempDir()), eventlogtest.Memory()
	fill(t, embedded)
	fill(t, memory)
	a, err := HeadOf(t.Context(), embedded)
	if err != nil {
		t.Fatal(err)
	}
	b, err := HeadOf(t.Context(), memory)
	if err != nil || a != b || a.Events != 120 {
		t.Errorf("the embedded log ends at %+v, the one in memory at %+v (%v)", a, b, err)
	}
}

// Every pair of engines, whole and in pieces.
func TestACopyIsTheSameLogWhereverItWasInterrupted(t *testing.T) {
	source := openLog(t, t.TempDir())
	fill(t, source)
	for name, open := range map[string]func() eventlog.Log{
		"embedded": func() eventlog.Log { return openLog(t, t.TempDir()) },
		"port":     func() eventlog.Log { return eventlogtest.Memory() },
	} {
		for _, after := range []int{0, 1, 2, 57, 119, 120} {
			t.Run(fmt.Sprint(name, " after ", after), func(t *testing.T) {
				to := open()
				first, err := Copy(t.Context(), take(eventlog.Entries(t.Context(), source, 0), after), to, ignore)
				if err != nil || first.Added != after {
					t.Fatalf("%+v, %v", first, err)
				}
				c, err := Copy(t.Context(), eventlog.Entries(t.Context(), source, 0), to, ignore)
				if err != nil || c.Found != after || c.Added != 120-after {
					t.Fatalf("%+v, %v", c, err)
				}
				times := name == "embedded"
				if got, want := contents(t, to, times), contents(t, source, times); !reflect.DeepEqual(got, want) {
					t.Errorf("the copy is another log")
				}
				back := openLog(t, t.TempDir())
				if _, err := Copy(t.Context(), eventlog.Entries(t.Context(), to, 0), back, ignore); err != nil || back.Tip().Chain != source.Tip().Chain {
					t.Errorf("the way back: %v, %v", back.Tip(), err)
				}
			})
		}
	}
}

func take(entries func(func(eventlog.Entry, error) bool), n int) func(func(eventlog.Entry, error) bool) {
	return func(yield func(eventlog.Entry, error) bool) {
		count := 0
		for e, err := range entries {
			if count++; count > n || !yield(e, err) {
				return
			}
		}
	}
}

func TestATargetWithOtherEventsIsRefusedAndLeftAlone(t *testing.T) {
	source := openLog(t, t.TempDir())
	fill(t, source)
	for name, spoil := range map[string]func(eventlog.Log){
		"another event": func(to eventlog.Log) {
			_, _ = to.Append(t.Context(), "flag-other", eventlog.Any, eventlog.Event{ID: eventlog.NewID("other", 0), Type: "Noted"})
		},
		"more events": func(to eventlog.Log) {
			if _, err := Copy(t.Context(), eventlog.Entries(t.Context(), source, 0), to, ignore); err != nil {
				t.Fatal(err)
			}
			_, _ = to.Append(t.Context(), "flag-other", eventlog.Any, eventlog.Event{ID: eventlog.NewID("other", 0), Type: "Noted"})
		},
	} {
		for engine, to := range map[string]eventlog.Log{"embedded": openLog(t, t.TempDir()), "port": eventlogtest.Memory()} {
			spoil(to)
			before, _ := HeadOf(t.Context(), to)
			if _, err := Copy(t.Context(), eventlog.Entries(t.Context(), source, 0), to, ignore); err == nil || !strings.Contains(err.Error(), "empty one") {
				t.Errorf("%s, %s: %v, want a refusal", name, engine, err)
			}
			if after, _ := HeadOf(t.Context(), to); after != before {
				t.Errorf("%s, %s: the target was written to", name, engine)
			}
		}
	}
}

// flaky loses the answer of every second append, and is away for some.
type flaky struct {
	*eventlogtest.MemoryLog
	n int
}

func (f *flaky) Append(ctx context.Context, stream string, expected eventlog.Revision, events ...eventlog.Event) (eventlog.Position, error) {
	f.n++
	p, err := f.MemoryLog.Append(ctx, stream, expected, events...)
	if f.n%50 == 0 && err == nil {
		return 0, fmt.Errorf("%w: the connection broke", eventlog.ErrUnknownOutcome)
	}
	return p, err
}

func TestALostAnswerDoublesNothing(t *testing.T) {
	source := eventlogtest.Memory()
	fill(t, source)
	to := &flaky{MemoryLog: eventlogtest.Memory()}
	c, err := Copy(t.Context(), eventlog.Entries(t.Context(), source, 0), to, ignore)
	if err != nil || c.Head.Events != 120 || to.n < 50 {
		t.Errorf("%+v after %d appends, %v", c, to.n, err)
	}
}

func TestTrimmedEventsGoOnlyToAnEmbeddedLog(t *testing.T) {
	source := openLog(t, t.TempDir())
	fill(t, source)
	trimmed, err := source.Trim(t.Context(), "measurement-shop.production.2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	memory, embedded := eventlogtest.Memory(), openLog(t, t.TempDir())
	c, err := Copy(t.Context(), eventlog.Entries(t.Context(), source, 0), memory, ignore)
	if err != nil || c.Skipped != trimmed || c.Head.Events != 120-trimmed {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = Copy(t.Context(), eventlog.Entries(t.Context(), source, 0), memory, ignore)
	if err != nil || c.Added != 0 {
		t.Errorf("again: %+v, %v", c, err)
	}
	var file bytes.Buffer
	if _, err := Export(t.Context(), source, &file, ignore); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), Entries(&file), embedded, ignore); err != nil || embedded.Tip().Chain != source.Tip().Chain {
		t.Errorf("through a file: %+v, %v", embedded.Tip(), err)
	}
	report, err := Check(t.Context(), embedded)
	if err != nil || len(report.Faults) > 0 || report.Trimmed != trimmed {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestAnExportedLogReadsBackByteForByte(t *testing.T) {
	source := openLog(t, t.TempDir())
	fill(t, source)
	for _, name := range []string{"log.ndjson", "log.ndjson.gz", "log.ndjson.zst"} {
		var file bytes.Buffer
		w, err := Compress(name, &file)
		if err != nil {
			t.Fatal(err)
		}
		head, err := Export(t.Context(), source, w, ignore)
		if err := errors.Join(err, w.Close()); err != nil || head.Chain != source.Tip().Chain {
			t.Fatalf("%+v, %v", head, err)
		}
		in, err := Expand(&file)
		if err != nil {
			t.Fatal(err)
		}
		to := openLog(t, t.TempDir())
		if _, err := Copy(t.Context(), Entries(in), to, ignore); err != nil {
			t.Fatal(err)
		}
		if got, want := contents(t, to, true), contents(t, source, true); !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads back as another log", name)
		}
	}
}

func TestAFileThatIsCutOrChangedIsNoLog(t *testing.T) {
	source := openLog(t, t.TempDir())
	fill(t, source)
	var file bytes.Buffer
	if _, err := Export(t.Context(), source, &file, ignore); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	lines := strings.SplitAfter(text, "\n")
	for name, changed := range map[string]string{
		"empty": "", "another file": "{}\n", "not JSON": "hello\n", "cut": strings.Join(lines[:50], ""), "cut in a line": text[:len(text)/2],
		"a line less":      strings.Join(append(append([]string{}, lines[:50]...), lines[51:]...), ""),
		"two exchanged":    strings.Join(append(append(append([]string{}, lines[:50]...), lines[51], lines[50]), lines[52:]...), ""),
		"a word changed":   strings.Replace(text, `"n":"59"`, `"n":"60"`, 1),
		"an id that isn't": strings.Replace(text, `"id":"`, `"id":"x`, 1),
		"no stream":        strings.Replace(text, `"stream":"flag`, `"strum":"flag`, 1),
		"a newer format":   strings.Replace(text, "assay-log/1", "assay-log/2", 1),
	} {
		if _, err := Copy(t.Context(), Entries(strings.NewReader(changed)), eventlogtest.Memory(), ignore); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte("{\"format\":\"assay-log/1\"}\n{\"stream\":\"a\",\"revision\":0,\"id\":\"70359bc3-7a47-58fc-8bda-868650a03b77\",\"type\":\"T\",\"recorded_at\":\"2026-11-22T00:00:00Z\",\"data\":{}}\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		for e, err := range Entries(bytes.NewReader(file)) {
			if err == nil && !e.Trimmed && e.Digest != eventlog.Digest(e.Stream, e.Event) {
				t.Errorf("%+v has another digest", e)
			}
		}
	})
}

// shop records a random history of a shop, and returns models that have followed it.
func shop(t *testing.T, log eventlog.Log) []projections.Hashed {
	t.Helper()
	n := 0
	for _, r := range projectionstest.Random(t, 400, func(m int) int { n = (n*1103515245 + 12345) & 0x7fffffff; return n >> 8 % max(1, m) % m }).Records() {
		if r.IsCheckpoint() {
			continue
		}
		if _, err := log.Append(t.Context(), r.Stream, r.Revision-1, r.Event); err != nil {
			t.Fatal(err)
		}
	}
	head, err := log.Head(t.Context())
	if err != nil || head < 20 {
		t.Fatalf("the history has only %d events (%v)", head, err)
	}
	models := fresh()
	for i, m := range models {
		if err := Fold(t.Context(), log, m, head-eventlog.Position(7*i)); err != nil { // one is behind
			t.Fatal(err)
		}
	}
	return models
}

func fresh() []projections.Hashed { return []projections.Hashed{catalog.New(), ruleset.New()} }

func backup(t *testing.T) (file []byte, log *pebblelog.Log) {
	t.Helper()
	dir := t.TempDir()
	log = openLog(t, filepath.Join(dir, "log"))
	states, err := States(shop(t, log))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Backup(t.Context(), log, dir, time.Now(), states, &out); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ScratchPattern)); len(left) > 0 {
		t.Errorf("the backup left %v", left)
	}
	return out.Bytes(), log
}

func TestABackupIsTheLogAndTheStatesItMakes(t *testing.T) {
	file, log := backup(t)
	data := t.TempDir()
	m, err := Restore(bytes.NewReader(file), data)
	if err != nil {
		t.Fatal(err)
	}
	to := openLog(t, filepath.Join(data, "log"))
	if to.Tip().Chain != log.Tip().Chain || m.Position != log.Tip().Position {
		t.Errorf("restored %+v with the manifest %+v, want %+v", to.Tip(), m, log.Tip())
	}
	replayed, err := Replay(t.Context(), to, m.States, fresh())
	if err != nil || fmt.Sprint(replayed) != "[catalog ruleset]" {
		t.Errorf("replayed %v, %v", replayed, err)
	}
	m.States[1].Hash[0] ^= 1
	if _, err := Replay(t.Context(), to, m.States, fresh()); err == nil || !strings.Contains(err.Error(), "another ruleset") {
		t.Errorf("another state: %v", err)
	}
	if _, err := Restore(bytes.NewReader(file), data); err == nil || !strings.Contains(err.Error(), "holds a log already") {
		t.Errorf("restoring over a log: %v", err)
	}
}

// Backups while somebody writes, each restored and verified.
func TestABackupWhileWritingIsWhole(t *testing.T) {
	dir := t.TempDir()
	log := openLog(t, filepath.Join(dir, "log"))
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := 0; ctx.Err() == nil; i++ {
			_, _ = log.Append(ctx, fmt.Sprintf("flag-%d", i%5), eventlog.Any, eventlog.Event{ID: eventlog.NewID(fmt.Sprint(i), 0), Type: "Noted", Data: make([]byte, i%3_000)})
		}
	}()
	for range 10 {
		before := log.Tip()
		var out bytes.Buffer
		m, err := Backup(t.Context(), log, dir, time.Now(), nil, &out)
		if err != nil || m.Position < before.Position {
			t.Fatalf("%+v, %v", m, err)
		}
		data := t.TempDir()
		if _, err := Restore(&out, data); err != nil {
			t.Fatal(err)
		}
		to := openLog(t, filepath.Join(data, "log"))
		report, err := Check(t.Context(), to, Head{Events: int(m.Position), Chain: m.Chain}, Head{Events: int(before.Position), Chain: before.Chain})
		if err != nil || len(report.Faults) > 0 || report.Head.Position < m.Position {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	stop()
	<-written
}

func TestABackupThatIsCutOrChangedRestoresNothing(t *testing.T) {
	file, _ := backup(t)
	cases := map[string][]byte{"empty": nil, "no archive": []byte(strings.Repeat("hello", 1_000))}
	for _, n := range []int{600, len(file) / 3, len(file) / 2, len(file) - 3_000} {
		cases[fmt.Sprint("cut at ", n)] = file[:n]
	}
	flipped := bytes.Clone(file)
	flipped[len(file)/3] ^= 1
	cases["a bit flipped"] = flipped
	cases["a path that leads out"] = evil(t, "log/../../x")
	cases["another name"] = evil(t, "etc/passwd")
	for name, text := range cases {
		data := t.TempDir()
		if _, err := Restore(bytes.NewReader(text), data); err == nil {
			t.Errorf("%s: it was taken", name)
		}
		if left, _ := os.ReadDir(data); len(left) > 0 {
			t.Errorf("%s: it left %v", name, left)
		}
	}
}

func evil(t *testing.T, name string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "x"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// An anchor names the log that is not the one it was, whoever rewrote the chain with it.
func TestAnAnchorIsMetOrNot(t *testing.T) {
	for name, log := range map[string]eventlog.Log{"embedded": openLog(t, t.TempDir()), "port": eventlogtest.Memory()} {
		fill(t, log)
		head, err := HeadOf(t.Context(), log)
		if err != nil {
			t.Fatal(err)
		}
		var early Head
		for e := range take(eventlog.Entries(t.Context(), log, 0), 50) {
			early.add(e)
		}
		for _, c := range []struct {
			anchors []Head
			want    string
		}{
			{nil, ""},
			{[]Head{early, head}, ""},
			{[]Head{early, {Events: 60, Chain: early.Chain}}, "60 changed"},
			{[]Head{{Events: 121, Chain: head.Chain}}, "120 missing"},
		} {
			report, err := Check(t.Context(), log, c.anchors...)
			if err != nil || report.Head != head {
				t.Fatalf("%+v, %v", report, err)
			}
			var got []string
			for _, f := range report.Faults {
				got = append(got, fmt.Sprint(f.Position, " ", f.Kind))
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("%s: got %v, want %q", name, got, c.want)
			}
		}
	}
}

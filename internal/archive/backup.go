package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/projections"
)

// Format is that of a backup: a tar archive of the log's files followed by its manifest, so that an archive without one was
// cut short.
const Format = "assay-backup/1"

const (
	manifestName = "manifest.json"
	logFolder    = "log"
	// ScratchPattern is how the folders are named in which a backup is put together; one that a crash left may be removed.
	ScratchPattern = "backup-*"
)

// Manifest says what a backup holds.
type Manifest struct {
	Format string    `json:"format"`
	MadeAt time.Time `json:"made_at"`
	// Position and Chain are the head that was acknowledged when the backup began; the log in it may go on a little further.
	Position eventlog.Position `json:"position,string"`
	Chain    eventlog.Hash     `json:"chain"`
	Files    []File            `json:"files"`
	// States are those of the read models that served then, each at its own position.
	States []State `json:"states,omitempty"`
}

// File is one file of a backup.
type File struct {
	Name   string        `json:"name"`
	Size   int64         `json:"size"`
	SHA256 eventlog.Hash `json:"sha256"`
}

// State is the hash of a read model at a position.
type State struct {
	Name     string            `json:"name"`
	Version  int               `json:"version"`
	Position eventlog.Position `json:"position,string"`
	Hash     eventlog.Hash     `json:"hash"`
}

// States asks the read models for their states.
func States(models []projections.Hashed) ([]State, error) {
	states := make([]State, 0, len(models))
	for _, m := range models {
		position, hash, err := m.StateHash()
		if err != nil {
			return nil, err
		}
		states = append(states, State{Name: m.Name(), Version: m.Version(), Position: position, Hash: hash})
	}
	return states, nil
}

// Backup writes a backup of the log while appends go on. The folder scratch, best on the log's own disk, holds links to its
// files meanwhile.
func Backup(ctx context.Context, log *pebblelog.Log, scratch string, madeAt time.Time, states []State, out io.Writer) (m Manifest, err error) {
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return m, fmt.Errorf("making a folder for the backup: %w", err)
	}
	scratch, err = os.MkdirTemp(scratch, ScratchPattern)
	if err != nil {
		return m, fmt.Errorf("making a folder for the backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	tip := log.Tip()
	m = Manifest{Format: Format, MadeAt: madeAt.UTC(), Position: tip.Position, Chain: tip.Chain, States: states}
	folder := filepath.Join(scratch, logFolder)
	if err := log.Checkpoint(folder); err != nil {
		return m, err
	}
	archive := tar.NewWriter(out)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return m, fmt.Errorf("reading the copy of the log: %w", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		file, err := addFile(archive, folder, e.Name(), madeAt)
		if err != nil {
			return m, fmt.Errorf("writing %s into the backup: %w", e.Name(), err)
		}
		m.Files = append(m.Files, file)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, fmt.Errorf("writing the manifest: %w", err)
	}
	if err := archive.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(text)), ModTime: madeAt}); err != nil {
		return m, fmt.Errorf("writing the manifest: %w", err)
	}
	if _, err := archive.Write(text); err != nil {
		return m, fmt.Errorf("writing the manifest: %w", err)
	}
	return m, archive.Close()
}

func addFile(archive *tar.Writer, folder, name string, at time.Time) (f File, err error) {
	in, err := os.Open(filepath.Join(folder, name)) //nolint:gosec // a file of the copy just made
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return f, err
	}
	f = File{Name: logFolder + "/" + name, Size: info.Size()}
	if err := archive.WriteHeader(&tar.Header{Name: f.Name, Mode: 0o600, Size: f.Size, ModTime: at}); err != nil {
		return f, err
	}
	sum := sha256.New()
	// The newest write-ahead log may grow meanwhile: what belongs to the backup is what was there when it began.
	if _, err := io.CopyN(io.MultiWriter(archive, sum), in, f.Size); err != nil {
		return f, err
	}
	f.SHA256 = eventlog.Hash(sum.Sum(nil))
	return f, nil
}

// Restore unpacks a backup into the data folder, which must not hold a log, and returns its manifest once every file is as
// the manifest says. Nothing is left behind when it fails.
func Restore(in io.Reader, data string) (m Manifest, err error) {
	target := filepath.Join(data, logFolder)
	if _, err := os.Stat(target); err == nil {
		return m, fmt.Errorf("the folder %s holds a log already; restore into another folder, or move that one away first", data)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return m, fmt.Errorf("making the folder %s: %w", data, err)
	}
	scratch, err := os.MkdirTemp(data, ".restore-*")
	if err != nil {
		return m, fmt.Errorf("making a folder in %s: %w", data, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if m, err = unpack(in, scratch); err != nil {
		return m, err
	}
	if err := os.Rename(filepath.Join(scratch, logFolder), target); err != nil {
		return m, fmt.Errorf("putting the log in its place: %w", err)
	}
	return m, syncFolder(data)
}

func syncFolder(name string) error {
	folder, err := os.Open(name) //nolint:gosec // the folder that was asked for
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

var errCut = errors.New("the backup is cut short: its manifest, which comes last, is missing; make another one")

func unpack(in io.Reader, folder string) (m Manifest, err error) {
	if err := os.Mkdir(filepath.Join(folder, logFolder), 0o700); err != nil {
		return m, err
	}
	found := map[string]File{}
	for archive := tar.NewReader(in); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return m, errCut
		}
		if err != nil {
			return m, fmt.Errorf("the backup cannot be read; is it a file of assay backup? %w", err)
		}
		if header.Name == manifestName {
			text, err := io.ReadAll(io.LimitReader(archive, 64<<20))
			if err != nil {
				return m, errCut
			}
			return m, errors.Join(m.parse(text, found), syncFolder(filepath.Join(folder, logFolder)))
		}
		file, err := takeFile(archive, header, folder)
		if err != nil {
			return m, err
		}
		found[file.Name] = file
	}
}

// takeFile writes one file of the archive. Only plain names in the log's folder are taken: an archive may come from anywhere.
func takeFile(archive io.Reader, header *tar.Header, folder string) (f File, err error) {
	base := filepath.Base(header.Name)
	if header.Typeflag != tar.TypeReg || header.Name != logFolder+"/"+base || !filepath.IsLocal(base) {
		return f, fmt.Errorf("the backup holds %q, which no backup of assay does; nothing was restored", header.Name)
	}
	out, err := os.OpenFile(filepath.Join(folder, logFolder, base), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // checked above
	if err != nil {
		return f, fmt.Errorf("writing %s: %w", base, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), archive)
	if err != nil {
		return f, fmt.Errorf("the backup breaks off in %s: %w", base, err)
	}
	return File{Name: header.Name, Size: n, SHA256: eventlog.Hash(sum.Sum(nil))}, out.Sync()
}

// parse reads the manifest and holds what was found against it.
func (m *Manifest) parse(text []byte, found map[string]File) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(m); err != nil {
		return fmt.Errorf("the manifest of the backup does not read back: %w", err)
	}
	if m.Format != Format {
		return fmt.Errorf("the backup has the format %q, this version of assay reads %s; use another version", m.Format, Format)
	}
	for _, f := range m.Files {
		if got, ok := found[f.Name]; !ok || got != f {
			return fmt.Errorf("%s is not as it was when the backup was made; use another backup", f.Name)
		}
		delete(found, f.Name)
	}
	for name := range found {
		return fmt.Errorf("%s is not named in the manifest of the backup; use another backup", name)
	}
	return nil
}

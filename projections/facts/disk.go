package facts

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// disk is what a store needs of a file system, so narrow that a test can make every single step of it fail, or cut the power after it.
type disk interface {
	// MakeDir makes a folder and its parents. Their names are durable after SyncDir of what they are in.
	MakeDir(dir string) error
	// Create makes a file, or empties the one that is there.
	Create(name string) (writer, error)
	// Open opens a file to read. A file that is not there is fs.ErrNotExist.
	Open(name string) (reader, error)
	Rename(from, to string) error
	Remove(name string) error
	RemoveAll(dir string) error
	// List returns the names in a folder.
	List(dir string) ([]string, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(dir string) error
}

// writer is a file that is being written.
type writer interface {
	io.WriteCloser
	Sync() error
}

// reader is a file that is read, by any number of goroutines.
type reader interface {
	io.ReaderAt
	io.Closer
	Size() (int64, error)
}

// system is the operating system's file system.
type system struct{}

// MakeDir is for nobody but the user of the server: the facts are people's.
func (system) MakeDir(dir string) error { return os.MkdirAll(dir, 0o700) }

// Create implements disk.
func (system) Create(name string) (writer, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // a file of the store's own folder
}

// Open implements disk.
func (system) Open(name string) (reader, error) {
	file, err := os.Open(name) //nolint:gosec // a file of the store's own folder
	return systemFile{file}, err
}

// Rename implements disk: what was there is replaced in one step.
func (system) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements disk.
func (system) Remove(name string) error { return os.Remove(name) }

// RemoveAll implements disk.
func (system) RemoveAll(dir string) error { return os.RemoveAll(dir) }

// List implements disk.
func (system) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// SyncDir implements disk.
func (system) SyncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the store's own folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type systemFile struct{ *os.File }

// Size implements reader.
func (f systemFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// readAll reads a file whole.
func readAll(d disk, name string) ([]byte, error) {
	file, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	text := make([]byte, size)
	if _, err := file.ReadAt(text, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return text, nil
}

// replace replaces a file in one step: whatever happens, the old content is there or the new one, and after it, without an error, the
// new one for good. Names that were made in the folder before are durable before the new content is. With an error, renamed says whether
// the new content may be there all the same.
func replace(d disk, name string, text []byte) (renamed bool, err error) {
	dir := filepath.Dir(name)
	if err := d.SyncDir(dir); err != nil {
		return false, err
	}
	fresh := name + freshSuffix
	if err := write(d, fresh, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return false, err
	}
	if err := d.Rename(fresh, name); err != nil {
		return false, errors.Join(err, remove(d, fresh))
	}
	return true, d.SyncDir(dir)
}

const freshSuffix = ".new"

// write writes a file and makes its content durable. A file that could not be written is removed, because nothing that failed to reach
// the disk may be synced a second time.
func write(d disk, name string, content func(io.Writer) error) error {
	file, err := d.Create(name)
	if err != nil {
		return err
	}
	if err = content(file); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, remove(d, name))
	}
	return nil
}

// remove removes a file that may not be there.
func remove(d disk, name string) error {
	if err := d.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

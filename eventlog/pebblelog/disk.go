package pebblelog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// carefulFS is the file system as Pebble sees it.
type carefulFS struct{ vfs.FS }

var errHeld = errors.New("another process or another part of this one has it open")

// Lock marks the error of a lock that another opener holds; Pebble passes on whatever the system says.
func (f carefulFS) Lock(name string) (io.Closer, error) {
	closer, err := f.FS.Lock(name)
	var path *fs.PathError
	if err != nil && !errors.As(err, &path) { // a PathError says that the lock file itself cannot be made
		return nil, fmt.Errorf("%w (%w)", errHeld, err)
	}
	return closer, err
}

// Create makes the names in the folder durable before it makes a marker. A marker is an empty file whose name says which
// manifest is in force; Pebble syncs the folder only after it has made both, so a power cut could keep the marker without
// its manifest, and such a store does not open.
func (f carefulFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(f.PathBase(name), "marker.") {
		if err := syncFolder(f.FS, f.PathDir(name)); err != nil {
			return nil, err
		}
	}
	return f.FS.Create(name, category)
}

func syncFolder(disk vfs.FS, folder string) error {
	f, err := disk.OpenDir(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

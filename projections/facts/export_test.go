package facts

// For tests that bring a file system of their own.
type (
	Disk   = disk
	Writer = writer
	Reader = reader
)

// On puts a store on another file system.
func (o Options) On(d Disk) Options {
	o.disk = d
	return o
}

// SystemDisk is the operating system's file system.
func SystemDisk() Disk { return system{} }

package facts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"sync"
)

// Every file of a segment is divided into blocks, and each block has a CRC-32C (RFC 3720, B.4). They are in the segment's file of
// sums, whose own CRC-32C is in the manifest, which has its own in turn. A read verifies the blocks it touches, every time: no bit
// that flips on disk, before the start or after it, is ever computed with, and opening a store reads nothing but heads.
const (
	sumBlock = 4 << 10
	sumMagic = "assaysum"
)

func checksum(text []byte) uint32 { return crc32.Checksum(text, castagnoli()) }

// castagnoli is made once, by the library.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// fileSums are the size of a file and the checksums of its blocks.
type fileSums struct {
	size   int64
	blocks []uint32
}

// summer sums what is written through it.
type summer struct {
	to   io.Writer
	sums fileSums
	fill int // bytes in the last block
}

// Write sums what was written, not what was meant to be.
func (s *summer) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.sums.size += int64(n)
	for rest := p[:n]; len(rest) > 0; {
		if s.fill == 0 {
			s.sums.blocks = append(s.sums.blocks, 0)
		}
		part := rest[:min(len(rest), sumBlock-s.fill)]
		last := &s.sums.blocks[len(s.sums.blocks)-1]
		*last = crc32.Update(*last, castagnoli(), part)
		s.fill = (s.fill + len(part)) % sumBlock
		rest = rest[len(part):]
	}
	return n, err
}

// encodeSums writes the sums of a segment's files down. Layout, little-endian: magic; for each file its size, and 32 bits for each block.
func encodeSums(files [segmentParts]fileSums) []byte {
	out := []byte(sumMagic)
	for _, f := range files {
		out = binary.LittleEndian.AppendUint64(out, uint64(f.size)) //nolint:gosec // sizes are not negative
		for _, sum := range f.blocks {
			out = binary.LittleEndian.AppendUint32(out, sum)
		}
	}
	return out
}

func decodeSums(text []byte) (files [segmentParts]fileSums, err error) {
	if len(text) < len(sumMagic) || string(text[:len(sumMagic)]) != sumMagic {
		return files, errors.New("it does not begin as a file of sums does")
	}
	text = text[len(sumMagic):]
	for i := range files {
		if len(text) < 8 {
			return files, io.ErrUnexpectedEOF
		}
		f := fileSums{size: int64(binary.LittleEndian.Uint64(text))} //nolint:gosec // its sign is looked at
		text = text[8:]
		if f.size < 0 || f.size > int64(len(text))/4*sumBlock {
			return files, io.ErrUnexpectedEOF
		}
		f.blocks = make([]uint32, (f.size+sumBlock-1)/sumBlock)
		for b := range f.blocks {
			f.blocks[b] = binary.LittleEndian.Uint32(text)
			text = text[4:]
		}
		files[i] = f
	}
	if len(text) > 0 {
		return files, errors.New("it is too long")
	}
	return files, nil
}

// checked is a file of which no byte is handed out before its block was verified.
type checked struct {
	file  reader
	name  string
	sums  fileSums
	wound *wound
}

// openChecked opens a file that must have the size of its sums.
func openChecked(d disk, path, name string, sums fileSums, w *wound) (*checked, error) {
	file, err := d.Open(path)
	if err != nil {
		return nil, err
	}
	size, err := file.Size()
	if err == nil && size != sums.size {
		err = damaged(name, "it has %d bytes, not %d", size, sums.size)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &checked{file: file, name: name, sums: sums, wound: w}, nil
}

// blocks are spare buffers for reads.
var blocks = sync.Pool{New: func() any { return new([]byte) }} //nolint:gochecknoglobals // spare memory; it holds nothing between two uses

// ReadAt reads, and verifies, the blocks in which the wanted bytes are.
func (c *checked) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("reading %s at %d", c.name, off)
	}
	end := min(off+int64(len(p)), c.sums.size)
	if off >= end {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	from, to := off/sumBlock*sumBlock, min((end+sumBlock-1)/sumBlock*sumBlock, c.sums.size)
	spare, _ := blocks.Get().(*[]byte)
	defer blocks.Put(spare)
	if int64(cap(*spare)) < to-from {
		*spare = make([]byte, to-from)
	}
	read := (*spare)[:to-from]
	if n, err := c.file.ReadAt(read, from); int64(n) < to-from {
		return 0, c.unreadable(from+int64(n), err)
	}
	for at := from; at < to; at += sumBlock {
		if checksum(read[at-from:min(at-from+sumBlock, to-from)]) != c.sums.blocks[at/sumBlock] {
			e := damaged(c.name, "bytes %d to %d are not what was written", at, min(at+sumBlock, to)-1)
			c.wound.note(e)
			return 0, e
		}
	}
	n := copy(p, read[off-from:end-from])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// unreadable is damage too: a sector that a disk gives up on does not come back, and a file that got shorter is not what was written.
func (c *checked) unreadable(at int64, err error) error {
	if errors.Is(err, fs.ErrClosed) {
		return err
	}
	e := damaged(c.name, "it cannot be read at byte %d: %v", at, err)
	c.wound.note(e)
	return e
}

// Close closes the file.
func (c *checked) Close() error { return c.file.Close() }

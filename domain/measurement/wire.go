package measurement

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// The wire names of a batch. They are written into the log and never change.
const (
	WireBatchRecorded   = "BatchRecorded"    // gzipped JSON, which zcat reads
	WireBatchRecordedV2 = "BatchRecorded.v2" // columns; see columns.go
)

// maxDecoded bounds what a batch may unpack to.
const maxDecoded = 64 << 20

// The frame around the columns of BatchRecorded.v2: a byte that says how their text is packed, the number of raw bytes, the raw bytes, the
// length of the text before it was packed, the text, and a CRC-32C (little-endian) of all before it.
const (
	plainText    = 0
	deflatedText = 1 // RFC 1951
	leastDeflate = 512
	sumBytes     = 4
)

func checksum(text []byte) uint32 { return crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)) }

// spare is memory that one batch leaves to the next: a flate writer has tables of a megabyte, which most batches would need for a few items.
type spare struct {
	packed  *flate.Writer
	columns columns
}

var spares = sync.Pool{New: func() any { //nolint:gochecknoglobals // spare memory; it holds nothing between two uses
	packed, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is valid
	return &spare{packed: packed, columns: columns{words: map[string]uint64{}}}
}}

// Encode writes a batch down, and says under which wire name. It refuses a batch with more than MaxAttributes attributes on an item, and
// one with values that JSON does not have.
func Encode(b Batch) (name string, body []byte, err error) {
	s, _ := spares.Get().(*spare)
	defer spares.Put(s)
	c := &s.columns
	c.reset()
	defer c.reset() // texts of a batch are not held on to
	if c.batch(&b); c.err != nil {
		return "", nil, fmt.Errorf("encoding a batch: %w", c.err)
	}
	out := bytes.NewBuffer(make([]byte, 0, len(c.raw)+len(c.text)/2+leastDeflate))
	method := byte(plainText)
	if len(c.text) >= leastDeflate {
		method = deflatedText
	}
	head := binary.AppendUvarint([]byte{method}, uint64(len(c.raw)))
	out.Write(head)
	out.Write(c.raw)
	out.Write(binary.AppendUvarint(nil, uint64(len(c.text))))
	if method == plainText {
		out.Write(c.text)
	} else if err := deflate(s.packed, out, c.text); err != nil {
		return "", nil, err
	}
	return WireBatchRecordedV2, binary.LittleEndian.AppendUint32(out.Bytes(), checksum(out.Bytes())), nil
}

func deflate(w *flate.Writer, out io.Writer, text []byte) error {
	w.Reset(out)
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("encoding a batch: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("encoding a batch: %w", err)
	}
	return nil
}

// Decode is Encode's inverse, and reads what earlier versions wrote. It refuses a batch that unpacks to more than 64 MiB.
func Decode(name string, body []byte) (b Batch, err error) {
	switch name {
	case WireBatchRecorded:
		b, err = decodeJSON(body)
	case WireBatchRecordedV2:
		b, err = decodeColumns(body)
	default:
		return Batch{}, fmt.Errorf("event %q is not known to this version", name)
	}
	if err != nil {
		return Batch{}, fmt.Errorf("decoding a batch: %w", err)
	}
	return b, nil
}

func decodeColumns(body []byte) (Batch, error) {
	end := len(body) - sumBytes
	if end < 1 || binary.LittleEndian.Uint32(body[end:]) != checksum(body[:end]) {
		return Batch{}, errors.New("its checksum does not agree with it")
	}
	frame := rows{text: string(body[1:end])}
	raw := frame.cut(&frame.text, frame.count())
	length := frame.count()
	if frame.bad != nil {
		return Batch{}, frame.bad
	}
	text := frame.text
	if body[0] == deflatedText {
		unpacked, err := unpack(flate.NewReader(bytes.NewReader(body[end-len(text) : end])))
		if err != nil {
			return Batch{}, err
		}
		text = string(unpacked)
	}
	if body[0] > deflatedText || len(text) != length {
		return Batch{}, errShort
	}
	r := rows{text: text, raw: raw, values: map[string]json.RawMessage{}}
	b := r.batch()
	return b, r.bad
}

// decodeJSON reads the first version.
func decodeJSON(body []byte) (Batch, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return Batch{}, err
	}
	text, err := unpack(unpacked)
	if err != nil {
		return Batch{}, err
	}
	var b Batch
	if err := json.Unmarshal(text, &b); err != nil {
		return Batch{}, err
	}
	return b, nil
}

func unpack(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxDecoded+1))
	if err == nil && len(text) > maxDecoded {
		err = fmt.Errorf("it unpacks to more than %d bytes", maxDecoded)
	}
	return text, err
}

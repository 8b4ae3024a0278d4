package catalog

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"time"

	"github.com/assayhq/assay/eventlog"
)

// stamp is when and where an event was recorded.
type stamp struct {
	revision eventlog.Revision
	position eventlog.Position
	at       time.Time
}

// sheet is the texts of events, one after the other: as they were written until it is full, then packed. There may be hundreds of
// thousands of events, hardly ever read again, that repeat each other in nearly everything.
type sheet struct {
	plain  []byte
	packed []byte
}

// fullSheet is how large a sheet grows: reading one text of a packed sheet takes as long as unpacking it, 0.1 ms.
const fullSheet = 32 << 10 // bytes

// scribe writes sheets.
type scribe struct {
	open   *sheet
	packer *flate.Writer
}

// alone writes on a sheet that nothing else is written on, so that it is read at once.
func (s *scribe) alone(at stamp, data string) passage {
	own := &sheet{}
	return own.add(at, data)
}

// among writes on the sheet that is open.
func (s *scribe) among(at stamp, data string) passage {
	if s.open == nil {
		s.open = &sheet{plain: make([]byte, 0, fullSheet)}
	}
	out := s.open.add(at, data)
	if len(s.open.plain) >= fullSheet {
		s.pack(s.open)
		s.open = nil
	}
	return out
}

func (s *scribe) pack(full *sheet) {
	var out bytes.Buffer
	if s.packer == nil {
		var err error
		if s.packer, err = flate.NewWriter(&out, flate.BestSpeed); err != nil {
			return // there is such a speed; else it stays as it is
		}
	}
	s.packer.Reset(&out)
	if _, err := s.packer.Write(full.plain); err != nil || s.packer.Close() != nil {
		return // a buffer takes everything; else it stays as it is
	}
	full.plain, full.packed = nil, bytes.Clone(out.Bytes())
}

func (s *sheet) add(at stamp, data string) passage {
	from := len(s.plain)
	s.plain = binary.AppendVarint(s.plain, int64(at.revision))
	s.plain = binary.AppendVarint(s.plain, at.at.Unix())
	s.plain = binary.AppendUvarint(s.plain, uint64(at.at.Nanosecond())) //nolint:gosec // not negative
	s.plain = append(s.plain, data...)
	return passage{sheet: s, from: uint32(from), to: uint32(len(s.plain))} //nolint:gosec // an event has less than a megabyte
}

// passage is where the text of an event is.
type passage struct {
	sheet    *sheet
	from, to uint32
}

// reader reads pages; neighbours are often on the same sheet, which it unpacks once.
type reader struct {
	sheet *sheet
	plain []byte
}

// read returns what was written of an event.
func (r *reader) read(p *page) (at stamp, data string) {
	plain := p.text.sheet.plain
	if p.text.sheet.packed != nil {
		r.turnTo(p.text.sheet)
		plain = r.plain
	}
	at.position = p.position
	if int(p.text.to) > len(plain) {
		return at, "" // what was packed can be unpacked
	}
	text := plain[p.text.from:p.text.to]
	revision, n := binary.Varint(text)
	seconds, m := binary.Varint(text[n:])
	nanoseconds, k := binary.Uvarint(text[n+m:])
	at.revision, at.at = eventlog.Revision(revision), time.Unix(seconds, int64(nanoseconds)).UTC() //nolint:gosec // as it was written
	return at, string(text[n+m+k:])
}

func (r *reader) turnTo(s *sheet) {
	if r.sheet == s {
		return
	}
	r.sheet, r.plain = s, nil
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(s.packed)))
	if err == nil {
		r.plain = plain
	}
}

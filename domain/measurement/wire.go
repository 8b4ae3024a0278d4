package measurement

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// WireBatchRecorded is the wire name of a batch. It is written into the log and never changes.
const WireBatchRecorded = "BatchRecorded"

// maxDecoded bounds what a batch may unpack to.
const maxDecoded = 64 << 20

// Encode writes a batch down as gzipped JSON, which zcat reads.
func Encode(b Batch) ([]byte, error) {
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("encoding a batch: %w", err)
	}
	if err := json.NewEncoder(packed).Encode(b); err != nil {
		return nil, fmt.Errorf("encoding a batch: %w", err)
	}
	if err := packed.Close(); err != nil {
		return nil, fmt.Errorf("encoding a batch: %w", err)
	}
	return out.Bytes(), nil
}

// Decode is Encode's inverse. It refuses a batch that unpacks to more than 64 MiB.
func Decode(body []byte) (Batch, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return Batch{}, fmt.Errorf("decoding a batch: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, maxDecoded+1))
	if err != nil {
		return Batch{}, fmt.Errorf("decoding a batch: %w", err)
	}
	if len(text) > maxDecoded {
		return Batch{}, fmt.Errorf("decoding a batch: it unpacks to more than %d bytes", maxDecoded)
	}
	var b Batch
	if err := json.Unmarshal(text, &b); err != nil {
		return Batch{}, fmt.Errorf("decoding a batch: %w", err)
	}
	return b, nil
}

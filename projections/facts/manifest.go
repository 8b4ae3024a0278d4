package facts

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/assayhq/assay/eventlog"
)

// manifest is the one file that says what counts. Numbers of positions are strings for the sake of JavaScript.
type manifest struct {
	Version  int               `json:"version"`
	Position eventlog.Position `json:"position,string"`
	Next     int               `json:"next"`
	Segments []segmentInfo     `json:"segments"`
	Parked   []Parked          `json:"parked,omitempty"`
}

// segmentInfo describes a segment in the manifest.
type segmentInfo struct {
	Number       int               `json:"number"`
	First        eventlog.Position `json:"first,string"` // of its rows
	Last         eventlog.Position `json:"last,string"`
	Exposures    int               `json:"exposures"`
	Measurements int               `json:"measurements"`
	Sums         string            `json:"sums"` // CRC-32C of its file of sums, eight hexadecimal digits
}

func hexSum(text []byte) string { return fmt.Sprintf("%08x", checksum(text)) }

// seal puts a checksum around the manifest's own text. There is one way only to write it down, so a changed byte anywhere is found.
func sealed(state []byte) []byte {
	return fmt.Appendf(nil, "{\"crc32c\":%q,\"manifest\":%s}\n", hexSum(state), state)
}

func encodeManifest(m manifest) ([]byte, error) {
	state, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding the manifest: %w", err)
	}
	return sealed(state), nil
}

func decodeManifest(text []byte) (manifest, error) {
	var around struct {
		Manifest json.RawMessage `json:"manifest"`
	}
	if err := json.Unmarshal(text, &around); err != nil {
		return manifest{}, damaged(manifestName, "%v", err)
	}
	if !bytes.Equal(sealed(around.Manifest), text) {
		return manifest{}, damaged(manifestName, "its checksum does not agree with it")
	}
	var m manifest
	if err := json.Unmarshal(around.Manifest, &m); err != nil {
		return manifest{}, damaged(manifestName, "%v", err)
	}
	if m.Version != version {
		return manifest{}, damaged(manifestName, "it has version %d, not %d", m.Version, version)
	}
	return m, nil
}

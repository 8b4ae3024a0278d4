package esdbtest

import (
	"encoding/json"
	"time"
)

const (
	metadataType   = "$metadata"
	metadataPrefix = "$$"
	tombstoneType  = "$streamDeleted"
	jsonType       = "application/json"
)

// settings are what the server heeds of a stream's metadata.
type settings struct {
	before   uint64 // $tb: revisions under it are not shown; softDeleted hides all
	maxCount uint64
	maxAge   time.Duration
}

// parseMetadata reads the body of a $metadata event. What cannot be read counts as absent, as it does there.
func parseMetadata(body []byte) settings {
	var fields struct {
		Before   uint64 `json:"$tb"`
		MaxCount uint64 `json:"$maxCount"`
		MaxAge   int64  `json:"$maxAge"` // seconds
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return settings{}
	}
	return settings{before: fields.Before, maxCount: fields.MaxCount, maxAge: time.Duration(fields.MaxAge) * time.Second}
}

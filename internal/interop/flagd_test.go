package interop

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"go.uber.org/zap"
)

type object = map[string]any

// daemon is flagd's own evaluator, the one of the daemon and of the in-process providers, on a set of flags.
type daemon struct{ evaluator *evaluator.JSON }

func newDaemon(t testing.TB, set []byte) daemon {
	t.Helper()
	log := logger.NewLogger(zap.NewNop(), false)
	flags, err := store.NewStore(log, []string{"test"})
	if err != nil {
		t.Fatal(err)
	}
	d := daemon{evaluator.NewJSON(log, flags)}
	if err := d.evaluator.SetState(sync.DataSync{FlagData: string(set), Source: "test"}); err != nil {
		t.Fatalf("flagd refuses the flags: %v\n%s", err, set)
	}
	return d
}

// answer is what flagd makes of a flag, its value as JSON.
type answer struct {
	Value   string
	Variant string
	Reason  string
	Code    string
}

func (d daemon) decide(flag string, context_ object) answer {
	v := d.evaluator.ResolveAsAnyValue(context.Background(), "", flag, context_)
	out := answer{Variant: v.Variant, Reason: v.Reason}
	if v.Error != nil {
		return answer{Reason: "ERROR", Code: v.Error.Error()}
	}
	if text, err := json.Marshal(v.Value); err == nil && v.Value != nil {
		out.Value = string(text)
	}
	return out
}

package flagimport

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/flags"
)

// The engine has no clock, and conditions none to ask. A rule of flagd's does know the time of a decision, and so a flag that
// has such a rule tells the time to the conditions of others.

// after holds from an instant on. What lies behind the import is decided; for the rest a flag is made that is on from then on.
func (m *Import) after(t time.Time, now time.Time) flags.Condition {
	if !t.After(now) {
		return always()
	}
	seconds := t.Unix()
	if t.Nanosecond() > 0 {
		seconds++
	}
	at := time.Unix(seconds, 0).UTC()
	key := "after-" + strings.ToLower(at.Format("20060102T150405Z"))
	if !slices.ContainsFunc(m.Flags, func(f Flag) bool { return f.Key == key }) {
		m.Flags = append(m.Flags, Flag{
			Key: key, Type: string(flags.Boolean), Variants: onAndOff(),
			Setting: Setting{
				On: true, Off: "off", Rules: []Rule{}, Default: variant("off"),
				Logic: &flags.Logic{Rule: json.RawMessage(fmt.Sprintf(`{"if":[{">=":[{"var":"$flagd.timestamp"},%d]},"on"]}`, seconds)), Fractional: flags.FlagdV2},
			},
		})
		m.note(key, "tells other flags whether it is "+at.Format(time.RFC3339)+" yet")
	}
	return flags.Condition{Flag: key, Variants: []string{"on"}}
}

func onAndOff() []Variant {
	return []Variant{{"on", json.RawMessage("true")}, {"off", json.RawMessage("false")}}
}

package provider

import (
	"context"
	"iter"
	"maps"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
)

// Client decides without the SDK: the same ruleset, the same exposures, none of the SDK's cost. A decision takes no lock but
// that of the exposures, waits for nothing and allocates nothing, except when it is a subject's first exposure. It is for hot
// paths; it never fails: where there is nothing to serve, the caller's default is.
//
// A Client comes from Open, which runs it without any SDK, or from Provider.Client, beside one. It is safe for any number of
// goroutines.
type Client struct{ p *Provider }

// Open starts a Client that needs no SDK. When the server is away, and there is neither a kept ruleset nor a bootstrap, the
// error says so; the Client is returned all the same, serves the callers' defaults and goes on trying. It is nil only when
// trying is hopeless: a wrong URL, a refused key. End it with Close.
func Open(ctx context.Context, c Config) (*Client, error) {
	p := New(c)
	err := p.InitWithContext(ctx, openfeature.EvaluationContext{})
	if p.isRunning() {
		return &Client{p}, err
	}
	return nil, err
}

// Client returns the provider's Client. It decides while the provider does.
func (p *Provider) Client() *Client { return &Client{p} }

func (p *Provider) isRunning() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.life != nil
}

// Close ends a Client that was opened with Open, and sends what waits, within ctx. It is ShutdownWithContext.
func (c *Client) Close(ctx context.Context) error { return c.p.ShutdownWithContext(ctx) }

// Provider returns the provider beneath, for Stats and Flush.
func (c *Client) Provider() *Provider { return c.p }

// Boolean returns what a boolean flag serves to the subject, defaultValue when the flag is not there, is of another type, or
// cannot be decided.
func (c *Client) Boolean(flag string, defaultValue bool, who flags.Subject) bool {
	d := c.p.decision(flag, who)
	value, ok := d.Value.Bool()
	if !ok {
		return defaultValue
	}
	c.p.expose(flag, d, who.Attributes)
	return value
}

// String is Boolean for a string flag.
func (c *Client) String(flag, defaultValue string, who flags.Subject) string {
	d := c.p.decision(flag, who)
	value, ok := d.Value.Text()
	if !ok {
		return defaultValue
	}
	c.p.expose(flag, d, who.Attributes)
	return value
}

// Int is Boolean for an integer flag, or a float flag that holds a whole number.
func (c *Client) Int(flag string, defaultValue int64, who flags.Subject) int64 {
	d := c.p.decision(flag, who)
	value, ok := d.Value.Int()
	if !ok {
		return defaultValue
	}
	c.p.expose(flag, d, who.Attributes)
	return value
}

// Float is Boolean for a float flag, or an integer flag read as a float.
func (c *Client) Float(flag string, defaultValue float64, who flags.Subject) float64 {
	d := c.p.decision(flag, who)
	value, ok := d.Value.Float()
	if !ok {
		return defaultValue
	}
	c.p.expose(flag, d, who.Attributes)
	return value
}

// Object is Boolean for an object flag. The object is shared by all decisions: only read it.
func (c *Client) Object(flag string, defaultValue map[string]any, who flags.Subject) map[string]any {
	d := c.p.decision(flag, who)
	value, ok := d.Value.Object()
	if !ok {
		return defaultValue
	}
	c.p.expose(flag, d, who.Attributes)
	return value
}

// Decision returns the whole decision: variant, reason, rule, bucket, revision. Its ErrorCode is PROVIDER_NOT_READY as long
// as there is no ruleset. It counts as an exposure, if it is one.
func (c *Client) Decision(flag string, who flags.Subject) flags.Decision {
	d := c.p.decision(flag, who)
	if d.ErrorCode == "" {
		c.p.expose(flag, d, who.Attributes)
	}
	return d
}

// All yields every flag, sorted by key, and its decision for the subject. It reports no exposures, because nobody knows yet
// which of the decisions the subject will see; Expose reports those.
func (c *Client) All(who flags.Subject) iter.Seq2[string, flags.Decision] {
	if now := c.p.current.Load(); now != nil {
		return now.rules.All(now.at(who))
	}
	return func(func(string, flags.Decision) bool) {}
}

// Expose reports that the subject was shown what the decision served. Apps need it after All, and everywhere when
// Config.ManualExposures is set. A decision that is no exposure is nothing to report.
func (c *Client) Expose(flag string, d flags.Decision, who flags.Subject) {
	if d.Outcome != nil && d.ErrorCode == "" && d.Experiment != "" {
		c.p.facts.exposed(flag, d, who.Attributes)
	}
}

// Track records that the unit did something, like Provider.Track. Properties that are no texts, numbers or booleans are left
// out.
func (c *Client) Track(name, unit string, value float64, properties map[string]any) {
	c.p.facts.tracked(name, unit, value, maps.Clone(properties))
}

// decision asks the ruleset of the moment.
func (p *Provider) decision(flag string, who flags.Subject) flags.Decision {
	if now := p.current.Load(); now != nil {
		return now.rules.Decide(flag, now.at(who))
	}
	return flags.Decision{Outcome: p.notReady}
}

// at is the subject with the time, where decisions depend on it and the caller has not set it.
func (l *loaded) at(who flags.Subject) flags.Subject {
	if l.timed && who.At == 0 {
		who.At = time.Now().Unix()
	}
	return who
}

// expose reports an exposure where evaluating is being exposed.
func (p *Provider) expose(flag string, d flags.Decision, attributes map[string]any) {
	if d.Experiment != "" && !p.config.ManualExposures {
		p.facts.exposed(flag, d, attributes)
	}
}

// providerNotReady is an error code that only a provider has.
const providerNotReady flags.ErrorCode = flags.ErrorCode(openfeature.ProviderNotReadyCode)

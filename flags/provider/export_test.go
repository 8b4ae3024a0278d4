package provider

import "time"

// Hurry makes everything that takes its time take little, for tests.
func (p *Provider) Hurry() *Provider {
	p.pace = pace{
		request: 5 * time.Second, silence: 100 * time.Millisecond, settle: 20 * time.Millisecond,
		least: 5 * time.Millisecond, most: 20 * time.Millisecond, patience: 500 * time.Millisecond,
	}
	return p
}

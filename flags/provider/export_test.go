package provider

import "time"

// Hurry makes everything that takes its time take little, for tests.
func (p *Provider) Hurry() *Provider {
	p.pace = pace{
		request: 5 * time.Second, silence: 100 * time.Millisecond, settle: 20 * time.Millisecond,
		least: 5 * time.Millisecond, most: 20 * time.Millisecond,
		transfer: 20 * time.Second, start: time.Second, keep: time.Millisecond,
	}
	return p
}

// Impatient makes waiting for a server that says nothing short, for tests of such servers.
func (p *Provider) Impatient() {
	p.pace.request, p.pace.transfer = 500*time.Millisecond, 1500*time.Millisecond
}

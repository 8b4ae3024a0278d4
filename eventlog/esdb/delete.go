package esdb

import (
	"context"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// Delete hides a stream: reading it yields nothing, and appending to it as to a new one revives it. Its events can be seen through
// All until the server has scavenged on every node, which keeps the last one. It is for cleaning up and for the second line of
// erasure; commands never delete. A stream that is not there is no error.
func (l *Log) Delete(ctx context.Context, stream string) error {
	err := l.persist(ctx, func(ctx context.Context, c *connection) (bool, error) {
		ctx, cancel := context.WithTimeout(leading(ctx), l.attempt)
		defer cancel()
		_, err := do(ctx, c, func(ctx context.Context, client *driver.Client) (*driver.DeleteResult, error) {
			return client.DeleteStream(ctx, l.prefix+stream, driver.DeleteStreamOptions{ExpectedRevision: driver.Any{}})
		})
		return false, err
	})
	if err == nil || judge(err) == missing {
		return nil
	}
	return l.readError(ctx, stream, err)
}

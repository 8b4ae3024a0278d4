package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/internal/archive"
	"github.com/assayhq/assay/internal/client"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/projections/feedback"
	"github.com/assayhq/assay/projections/ruleset"
)

func backupCommand(ctx context.Context, args []string, s Streams) error {
	if len(args) > 0 && args[0] == "verify" {
		return verifyBackupCommand(ctx, args[1:], s)
	}
	f := flagSet("backup", "", "Backs up the embedded log of a running server (--url and --key, an admin key of the installation), or of a stopped one (--data).\nThe read models are not part of it: they are made again from the log. Nor are the secret that unit ids are hashed with and the keys that what people\nsay is sealed under: keep copies of the folder's \"secret\" and \"keys\" apart, those of the keys for no longer than an erased person may wait. See also: assay backup verify FILE, assay restore.", s)
	var at serverFlags
	at.register(f, s)
	data := f.String("data", "", "data `folder` of a stopped server")
	file := f.String("o", "", "`file` to write, - for standard output")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 || *file == "" {
		return wrong(s, f, "Say where to write the backup with -o FILE, and nothing else but flags.")
	}
	out, done, err := output(*file, s)
	if err != nil {
		return err
	}
	if *data != "" {
		err = backupFolder(ctx, *data, out, s)
	} else {
		err = backupServer(ctx, at, out, s)
	}
	if err := done(err); err != nil {
		return err
	}
	say(s.Err, "backed up to %s; check it with: assay backup verify %s\n", *file, *file)
	return nil
}

func backupServer(ctx context.Context, at serverFlags, out io.Writer, s Streams) error {
	// No limit of time: a backup takes as long as it takes.
	server, err := at.clientWith(s, &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}})
	if err != nil {
		return err
	}
	return server.Download(ctx, client.Request{Path: "/api/v1/log/backup"}, out)
}

func backupFolder(ctx context.Context, data string, out io.Writer, s Streams) error {
	log, err := openPlace(ctx, data, false, s)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // nothing was written
	embedded, ok := log.(*pebblelog.Log)
	if !ok {
		return fmt.Errorf("%s is no data folder; back up an EventStoreDB server with its own tools, or use assay log export", data)
	}
	models, discard, err := freshModels()
	if err != nil {
		return err
	}
	defer discard()
	head, err := embedded.Head(ctx)
	if err != nil {
		return err
	}
	for _, m := range models {
		if err := archive.Fold(ctx, embedded, m, head); err != nil {
			return err
		}
	}
	states, err := archive.States(models)
	if err != nil {
		return err
	}
	_, err = archive.Backup(ctx, embedded, data, time.Now(), states, out)
	return err
}

// freshModels makes empty read models to replay a log into, and what removes them.
func freshModels() (models []projections.Hashed, discard func(), err error) {
	folder, err := os.MkdirTemp("", "assay-replay-")
	if err != nil {
		return nil, nil, fmt.Errorf("making a folder for the replay: %w", err)
	}
	store, err := facts.Open(folder, facts.Options{})
	if err != nil {
		return nil, nil, err
	}
	return []projections.Hashed{catalog.New(), ruleset.New(), store, feedback.New()}, func() {
		_ = store.Close() // it goes with its folder
		_ = os.RemoveAll(folder)
	}, nil
}

func restoreCommand(_ context.Context, args []string, s Streams) error {
	f := flagSet("restore", "FILE", "Restores a backup into a data folder that has no log yet. An existing log is never overwritten.", s)
	data := f.String("data", "assay-data", "data `folder` to restore into")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return wrong(s, f, "Name the backup file, - for standard input.")
	}
	in, err := input(rest[0])
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	m, err := archive.Restore(in, *data)
	if err != nil {
		return err
	}
	// What is left of read models belongs to another log.
	if err := os.RemoveAll(filepath.Join(*data, "facts")); err != nil {
		return fmt.Errorf("removing the facts of before: %w", err)
	}
	say(s.Out, "restored   %s\nmade at    %s\nposition   %d\nchain      %s\nThe secret is not part of a backup: put a copy of the old folder's file \"secret\" into this one, or name it by --secret-file.\nNor are the keys that what people say is sealed under: put a copy of the old folder's \"keys\" there too.\nStart it with: assay serve --data %s\n", *data, m.MadeAt.Format(time.RFC3339), m.Position, m.Chain, *data)
	return nil
}

func verifyBackupCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("backup verify", "FILE", "Restores a backup into a temporary folder, verifies every event, replays it and compares the read models with those that\nserved when the backup was made.", s)
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return wrong(s, f, "Name the backup file, - for standard input.")
	}
	in, err := input(rest[0])
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	folder, err := os.MkdirTemp("", "assay-verify-")
	if err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder that stays does no harm
	m, err := archive.Restore(in, folder)
	if err != nil {
		return err
	}
	log, err := openPlace(ctx, folder, false, s)
	if err != nil {
		return err
	}
	defer log.Close()                                                                                                   //nolint:errcheck // it is thrown away
	report, err := archive.Check(ctx, log, archive.Head{Events: int(m.Position), Position: m.Position, Chain: m.Chain}) //nolint:gosec // an embedded log counts from 1 without gaps
	if err != nil {
		return err
	}
	if err := tellFaults(s, report); err != nil {
		return err
	}
	models, discard, err := freshModels()
	if err != nil {
		return err
	}
	defer discard()
	replayed, err := archive.Replay(ctx, log, m.States, models)
	if err != nil {
		return err
	}
	say(s.Out, "made at    %s\nevents     %d, each as it was recorded\nchain      %s\nreplayed   %v, each in the state that served\n", m.MadeAt.Format(time.RFC3339), report.Head.Events, report.Head.Chain, replayed)
	return nil
}

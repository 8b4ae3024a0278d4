package vault_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/assayhq/assay/internal/vault"
)

const (
	project = "shop"
	subject = "h1.BnfbV8poHjrISO7wnTEzIQ"
	text    = "marker-5b1e says hello"
)

func wrapping(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func open(t testing.TB, folder string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(folder, wrapping(1))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seal(t testing.TB, v *vault.Vault, id string) vault.Sealed {
	t.Helper()
	s, err := v.Seal(project, subject, id, []byte(text), []byte("about"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files are the paths of all files, with their contents.
func files(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		out[path] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOnlyTheKeyOfASubjectReadsWhatTheySaid(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	v := open(t, folder)
	one, two := seal(t, v, "1"), seal(t, v, "2")
	if got, err := open(t, folder).Unseal(project, subject, "1", one.Key, one.Bytes); err != nil || string(got) != text {
		t.Errorf("another process reads %q, %v", got, err)
	}
	if one.Key != two.Key || one.Mark == two.Mark || bytes.Equal(one.Bytes[12:], two.Bytes[12:]) || bytes.Contains(one.Bytes, []byte("marker")) {
		t.Errorf("sealed as %+v and %+v", one, two)
	}
	if again := seal(t, v, "1"); again.Mark != one.Mark || bytes.Equal(again.Bytes, one.Bytes) {
		t.Error("the same again has another mark, or the same nonce")
	}
	other, err := v.Seal(project, subject, "1", []byte(text), []byte("about something else"))
	if err != nil || other.Mark == one.Mark {
		t.Errorf("the mark says nothing of what else is told: %v", err)
	}
	for path, content := range files(t, folder) {
		if bytes.Contains(content, []byte(text)) || strings.Contains(path, "draft") {
			t.Errorf("%s is left", path)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others may read %s", path)
		}
	}
	changed := bytes.Clone(one.Bytes)
	changed[len(changed)-1] ^= 1
	for name, read := range map[string]func() ([]byte, error){
		"under another id":   func() ([]byte, error) { return v.Unseal(project, subject, "2", one.Key, one.Bytes) },
		"changed":            func() ([]byte, error) { return v.Unseal(project, subject, "1", one.Key, changed) },
		"of somebody else":   func() ([]byte, error) { return v.Unseal(project, "h1.else", "1", one.Key, one.Bytes) },
		"in another project": func() ([]byte, error) { return v.Unseal("blog", subject, "1", one.Key, one.Bytes) },
		"too short":          func() ([]byte, error) { return v.Unseal(project, subject, "1", one.Key, one.Bytes[:5]) },
		"with another secret": func() ([]byte, error) {
			w, err := vault.Open(folder, wrapping(2))
			if err != nil {
				return nil, err
			}
			return w.Unseal(project, subject, "1", one.Key, one.Bytes)
		},
		"of nobody": func() ([]byte, error) { return v.Unseal(project, "../"+subject, "1", one.Key, one.Bytes) },
	} {
		if got, err := read(); err == nil {
			t.Errorf("%s it is read as %q", name, got)
		}
	}
}

func TestErasingIsDeletingTheKey(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	v := open(t, folder)
	if err := v.Erase(project, subject); err != nil {
		t.Errorf("nothing to erase: %v", err)
	}
	one := seal(t, v, "1")
	before := files(t, folder)
	if err := v.Erase(project, subject); err != nil {
		t.Fatal(err)
	}
	if left := files(t, folder); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	if got, err := v.Unseal(project, subject, "1", one.Key, one.Bytes); !errors.Is(err, vault.ErrGone) {
		t.Errorf("it is read as %q, %v", got, err)
	}
	two := seal(t, v, "2")
	if two.Key == one.Key {
		t.Error("the key is not a new one")
	}
	if _, err := v.Unseal(project, subject, "1", one.Key, one.Bytes); !errors.Is(err, vault.ErrGone) {
		t.Errorf("with the new key the old text is read: %v", err)
	}
	// An old copy of the folder is brought back: the erasure is known by the id of the key, which a newer one does not have.
	if err := v.Forget(project, subject, []string{one.Key}); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Unseal(project, subject, "2", two.Key, two.Bytes); err != nil {
		t.Errorf("the new key was forgotten with the old one: %v", err)
	}
	for path, content := range before {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Unseal(project, subject, "1", one.Key, one.Bytes); err != nil {
		t.Errorf("the copy does not work, so nothing is tested: %v", err)
	}
	if err := v.Forget(project, subject, []string{one.Key}); err != nil {
		t.Fatal(err)
	}
	if left := files(t, folder); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

// The power goes after a key is overwritten and before its file is removed.
func TestAHalfErasedKeyIsErased(t *testing.T) {
	folder := t.TempDir()
	v := open(t, folder)
	one := seal(t, v, "1")
	for path, content := range files(t, folder) {
		if err := os.WriteFile(path, make([]byte, len(content)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Unseal(project, subject, "1", one.Key, one.Bytes); !errors.Is(err, vault.ErrGone) {
		t.Errorf("it is %v", err)
	}
	two := seal(t, v, "2")
	if _, err := v.Unseal(project, subject, "2", two.Key, two.Bytes); err != nil {
		t.Errorf("a new one: %v", err)
	}
}

func TestTheFirstOfManyMakesTheKey(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	var at sync.WaitGroup
	sealed := make([]vault.Sealed, 16)
	for i := range sealed {
		v := open(t, folder) // a process each
		at.Go(func() {
			s, err := v.Seal(project, subject, "1", []byte(text), nil)
			if err != nil {
				t.Error(err)
			}
			sealed[i] = s
		})
	}
	at.Wait()
	for _, s := range sealed {
		if _, err := open(t, folder).Unseal(project, subject, "1", s.Key, s.Bytes); err != nil {
			t.Error(err)
		}
	}
}

func TestABrokenKeyIsNamed(t *testing.T) {
	folder := t.TempDir()
	v := open(t, folder)
	one := seal(t, v, "1")
	for path, content := range files(t, folder) {
		for name, broken := range map[string][]byte{"shorter": content[:10], "changed": append(bytes.Clone(content[:20]), make([]byte, len(content)-20)...)} {
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := v.Unseal(project, subject, "1", one.Key, one.Bytes); err == nil || errors.Is(err, vault.ErrGone) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := v.Seal(project, subject, "2", []byte(text), nil); err == nil {
				t.Errorf("%s: it was sealed under another key, silently", name)
			}
		}
	}
	if err := v.Erase(project, subject); err != nil {
		t.Errorf("it cannot even be erased: %v", err)
	}
}

func TestAWrappingKeyHas32Bytes(t *testing.T) {
	if _, err := vault.Open(t.TempDir(), []byte("short")); err == nil {
		t.Error("a short one is taken")
	}
}

func BenchmarkSeal(b *testing.B) {
	v := open(b, b.TempDir())
	b.ReportAllocs()
	for b.Loop() {
		seal(b, v, "1")
	}
}

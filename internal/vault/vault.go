// Package vault keeps what people said in their own words readable for exactly as long as it may be: it seals texts under a key
// for each person, and erasing a person is deleting that key. It is wired by internal/app.
//
// # The model
//
// A subject's key is 256 random bits in a file of its own, outside of the log and of its backups, wrapped (AES-256-GCM) by a key
// that is made from the installation's secret: neither the log nor the files nor the secret alone read anything. A text is
// sealed with AES-256-GCM (NIST SP 800-38D) under a random nonce, bound to its project, subject and id. No key is kept in memory
// between calls, so what is erased by any node that shares the folder is erased for all at once.
//
// Erasing overwrites the file, waits for the disk, and removes it. A file system or a disk that keeps old blocks
// (copy-on-write, snapshots, flash) may hold the wrapped key for a while; it is worth nothing without the secret.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	keyBytes   = 32
	idBytes    = 8
	nonceBytes = 12
	tagBytes   = 16
	markBytes  = 16
	format     = 1 // of the files
	fileBytes  = 1 + idBytes + nonceBytes + keyBytes + tagBytes
)

// ErrGone says that a text cannot be read any more: the key that it was sealed under is not here.
var ErrGone = errors.New("the key of this text is gone")

// Vault is the keys of all subjects. All methods may be called from any number of goroutines, and several processes may share
// its folder.
type Vault struct {
	folder string
	wrap   cipher.AEAD
}

// Open uses a folder, which is made with the first key; wrapping is the key of 32 bytes that the keys in it are wrapped by.
func Open(folder string, wrapping []byte) (*Vault, error) {
	wrap, err := aead(wrapping)
	if err != nil {
		return nil, err
	}
	return &Vault{folder: folder, wrap: wrap}, nil
}

// Sealed is a text that only its subject's key reads.
type Sealed struct {
	// Key is the id of the key: 16 hexadecimal digits.
	Key string
	// Bytes are the nonce and the sealed text.
	Bytes []byte
	// Mark is the first 128 bits of HMAC-SHA-256 under the key, in base64url.
	Mark string
}

// Seal seals a text of a subject, whose key is made when there is none. about is what else is told of the same thing: it is in
// the mark, not in the bytes.
func (v *Vault) Seal(project, subject, id string, text, about []byte) (Sealed, error) {
	k, err := v.key(project, subject)
	if errors.Is(err, ErrGone) {
		if err = v.create(project, subject); err == nil {
			k, err = v.key(project, subject)
		}
	}
	if err != nil {
		return Sealed{}, err
	}
	under, err := aead(k.derive("seal"))
	if err != nil {
		return Sealed{}, err
	}
	nonce := make([]byte, nonceBytes, nonceBytes+len(text)+tagBytes)
	if _, err := rand.Read(nonce); err != nil {
		return Sealed{}, err
	}
	mac := hmac.New(sha256.New, k.derive("mark"))
	for _, part := range [][]byte{bound(project, subject, id), about, text} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write(part)
	}
	return Sealed{
		Key: k.id, Bytes: under.Seal(nonce, nonce, text, bound(project, subject, id)),
		Mark: base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:markBytes]),
	}, nil
}

// Unseal reads a text. The error is ErrGone when the key it was sealed under is not here any more; any other says that a key or
// the text is not what was written, or cannot be read now.
func (v *Vault) Unseal(project, subject, id, key string, sealed []byte) ([]byte, error) {
	k, err := v.key(project, subject)
	if err != nil {
		return nil, err
	}
	if k.id != key || len(sealed) < nonceBytes {
		return nil, ErrGone
	}
	under, err := aead(k.derive("seal"))
	if err != nil {
		return nil, err
	}
	text, err := under.Open(nil, sealed[:nonceBytes], sealed[nonceBytes:], bound(project, subject, id))
	if err != nil {
		return nil, fmt.Errorf("unsealing a text of subject %s: %w", subject, err)
	}
	return text, nil
}

// Erase deletes the key of a subject, whichever it is: nothing that was sealed before can be read any more. It is no error when
// there is none.
func (v *Vault) Erase(project, subject string) error { return v.remove(project, subject, nil) }

// Forget deletes the key of a subject if it is one of those: what was erased elsewhere, or before a copy of the folder was brought back.
func (v *Vault) Forget(project, subject string, keys []string) error {
	return v.remove(project, subject, keys)
}

func (v *Vault) remove(project, subject string, keys []string) error {
	file, err := v.file(project, subject)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(file) //nolint:gosec // the name is checked
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && keys != nil && (len(old) != fileBytes || !slices.Contains(keys, idOf(old))) {
		return nil
	}
	if err == nil {
		err = overwrite(file, len(old))
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Remove(file)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // somebody else was faster
		return fmt.Errorf("erasing the key of a subject: %w", err)
	}
	return syncFolder(filepath.Dir(file))
}

// overwrite makes sure that the file's blocks hold nothing, where the file system writes in place.
func overwrite(file string, size int) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY, 0) //nolint:gosec // the name is checked
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(make([]byte, size)); err != nil {
		return err
	}
	return f.Sync()
}

// key is a subject's key while it is used.
type key struct {
	id     string
	secret []byte
}

// derive makes a key for one purpose (HMAC-SHA-256 as in HKDF's expand step, RFC 5869).
func (k key) derive(purpose string) []byte {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte("assay/subject/" + purpose + "/1"))
	return mac.Sum(nil)
}

func (v *Vault) key(project, subject string) (key, error) {
	file, err := v.file(project, subject)
	if err != nil {
		return key{}, err
	}
	text, err := os.ReadFile(file) //nolint:gosec // the name is checked
	if errors.Is(err, fs.ErrNotExist) {
		return key{}, ErrGone
	}
	if err != nil {
		return key{}, fmt.Errorf("reading the key of a subject: %w", err)
	}
	if len(text) == fileBytes && text[0] == 0 {
		return key{}, ErrGone // it is being erased, or the power went while it was
	}
	if len(text) != fileBytes || text[0] != format {
		return key{}, fmt.Errorf("the key of a subject in %s is no key of this version; bring back a copy of it, or erase the subject", file)
	}
	at := 1 + idBytes
	secret, err := v.wrap.Open(nil, text[at:at+nonceBytes], text[at+nonceBytes:], bound(project, subject, idOf(text)))
	if err != nil {
		return key{}, fmt.Errorf("the key of a subject in %s was changed, or is wrapped with another secret; bring back a copy of it, or erase the subject", file)
	}
	return key{id: idOf(text), secret: secret}, nil
}

func idOf(file []byte) string { return hex.EncodeToString(file[1 : 1+idBytes]) }

// create makes a key durable. Where another process was faster, its key stays.
func (v *Vault) create(project, subject string) error {
	file, err := v.file(project, subject)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(file); err == nil && len(old) == fileBytes && old[0] == 0 { //nolint:gosec // the name is checked
		_ = os.Remove(file) // half erased; whoever is about to remove it wins as well
	}
	fresh := make([]byte, 1+idBytes+nonceBytes+keyBytes)
	if _, err := rand.Read(fresh[1:]); err != nil {
		return err
	}
	fresh[0] = format
	at := 1 + idBytes
	text := v.wrap.Seal(slices.Clone(fresh[:at+nonceBytes]), fresh[at:at+nonceBytes], fresh[at+nonceBytes:], bound(project, subject, idOf(fresh)))
	if err := v.put(file, text); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keeping the key of a subject: %w", err)
	}
	return nil
}

// put writes a file that is there wholly or not at all, and never over another one.
func (v *Vault) put(file string, text []byte) (err error) {
	folder := filepath.Dir(file)
	if err := v.folders(folder); err != nil {
		return err
	}
	draft, err := os.CreateTemp(folder, "draft-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(draft.Name())) }()
	_, err = draft.Write(text)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), file); err != nil {
		return err
	}
	return syncFolder(folder)
}

// folders makes a folder and those above it, each durable before what is in it.
func (v *Vault) folders(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for at := folder; ; at = filepath.Dir(at) {
		if err := syncFolder(filepath.Dir(at)); err != nil || at == v.folder {
			return err
		}
	}
}

func syncFolder(folder string) error {
	f, err := os.Open(folder) //nolint:gosec // the name is checked
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// file is where a key is: a folder for each project, and in it one for each 4,096th of the subjects.
func (v *Vault) file(project, subject string) (string, error) {
	if !isName(project) || !isName(subject) || len(subject) < 2 {
		return "", errors.New("a key belongs to a project and to a subject's pseudonym")
	}
	return filepath.Join(v.folder, project, "in"+subject[len(subject)-2:], subject), nil
}

// isName reports whether a text is the name of a file that stays in its folder.
func isName(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return text != "" && len(text) <= 128 && text[0] != '.' && strings.Trim(text, letters) == ""
}

func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// bound is what a sealed thing belongs to; nowhere else it opens.
func bound(project, subject, id string) []byte {
	return []byte(project + "\x00" + subject + "\x00" + id)
}

package projections

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"time"
)

// Packed is a value in little memory, a tenth of what its lists, pointers and texts take. It is written in the words of one
// Words and can be read with that alone, in this process.
type Packed string

// Pack packs a plain value of the thing that of names: structs, lists, pointers, texts, numbers and times, in UTC. What it cannot pack (maps, interfaces,
// unexported fields) is an error, and so is a struct of more than 64 fields.
//
// A struct is a set of bits, for its fields that are not zero, and these fields; a list its length + 1, and its elements, or 0 for
// nil; a text twice its length and itself, or twice its number in words + 1.
func Pack[T any](words *Words, of string, value T) (Packed, error) {
	p := packer{words: words, of: of, out: make([]byte, 0, 256)}
	if err := p.pack(reflect.ValueOf(&value).Elem()); err != nil {
		return "", err
	}
	return Packed(p.out), nil
}

// Unpack reads what Pack has written: an equal value, nil and empty lists told apart, that shares nothing with any other but
// texts. The error says that it is not of this type or of other words.
func Unpack[T any](words *Words, packed Packed) (value T, err error) {
	u := unpacker{words: words, in: string(packed)}
	u.unpack(reflect.ValueOf(&value).Elem())
	if u.failed || u.in != "" {
		return value, errPacked
	}
	return value, nil
}

var errPacked = errors.New("what was packed is no such value")

type packer struct {
	words *Words
	of    string
	out   []byte
}

func (p *packer) number(n uint64) { p.out = binary.AppendUvarint(p.out, n) }

func (p *packer) pack(v reflect.Value) error {
	switch v.Kind() { //nolint:exhaustive // the rest cannot be packed
	case reflect.Bool:
		if v.Bool() {
			p.number(1)
		} else {
			p.number(0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.out = binary.AppendVarint(p.out, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.number(v.Uint())
	case reflect.String:
		p.text(v.String())
	case reflect.Struct:
		return p.fields(v)
	case reflect.Pointer:
		if v.IsNil() {
			p.number(0)
			return nil
		}
		p.number(1)
		return p.pack(v.Elem())
	case reflect.Slice:
		return p.list(v)
	default:
		return fmt.Errorf("a %s cannot be packed", v.Type())
	}
	return nil
}

func (p *packer) text(text string) {
	if n, known := p.words.number(p.of, text); known {
		p.number(uint64(n)<<1 | 1) //nolint:gosec // not negative
		return
	}
	p.number(uint64(len(text)) << 1)
	p.out = append(p.out, text...)
}

func (p *packer) list(v reflect.Value) error {
	switch {
	case v.IsNil():
		p.number(0)
		return nil
	case v.Type().Elem().Kind() == reflect.Uint8:
		p.number(1)
		p.text(string(v.Bytes()))
		return nil
	}
	p.number(uint64(v.Len()) + 1) //nolint:gosec // not negative
	for i := range v.Len() {
		if err := p.pack(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) fields(v reflect.Value) error {
	if at, is := reflect.TypeAssert[time.Time](v); is {
		p.out = binary.AppendVarint(p.out, at.Unix())
		p.number(uint64(at.Nanosecond())) //nolint:gosec // not negative
		return nil
	}
	if v.NumField() > 64 {
		return fmt.Errorf("a %s has too many fields to be packed", v.Type())
	}
	set := uint64(0)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			set |= 1 << i
		}
	}
	p.number(set)
	for ; set != 0; set &= set - 1 {
		i := bits.TrailingZeros64(set)
		if !v.Type().Field(i).IsExported() {
			return fmt.Errorf("%s of a %s cannot be packed", v.Type().Field(i).Name, v.Type())
		}
		if err := p.pack(v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// unpacker reads the zero of everything once it has failed.
type unpacker struct {
	words  *Words
	in     string
	failed bool
}

func (u *unpacker) fail() { u.in, u.failed = "", true }

func (u *unpacker) number() (n uint64) {
	for i := 0; i < len(u.in) && i < binary.MaxVarintLen64; i++ {
		b := u.in[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			u.in = u.in[i+1:]
			return n
		}
	}
	u.fail()
	return 0
}

// signed undoes the zigzag of binary.AppendVarint.
func (u *unpacker) signed() int64 {
	n := u.number()
	return int64(n>>1) ^ -int64(n&1)
}

func (u *unpacker) text() string {
	n := u.number()
	if n&1 == 1 {
		if n >>= 1; n < uint64(len(u.words.texts)) {
			return u.words.texts[n]
		}
		u.fail()
		return ""
	}
	if n >>= 1; n > uint64(len(u.in)) {
		u.fail()
		return ""
	}
	text := u.in[:n]
	u.in = u.in[n:]
	return text
}

func (u *unpacker) unpack(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // the rest is not packed
	case reflect.Bool:
		v.SetBool(u.number() == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(u.signed())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(u.number())
	case reflect.String:
		v.SetString(u.text())
	case reflect.Struct:
		u.fields(v)
	case reflect.Pointer:
		if u.number() == 1 {
			v.Set(reflect.New(v.Type().Elem()))
			u.unpack(v.Elem())
		}
	case reflect.Slice:
		u.list(v)
	default:
		u.fail()
	}
}

func (u *unpacker) list(v reflect.Value) {
	n := u.number()
	switch {
	case n == 0:
		return
	case v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte(u.text()))
		return
	case n-1 > uint64(len(u.in)) && v.Type().Elem().Size() > 0: // each element is a byte at least
		u.fail()
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), int(n-1), int(n-1))) //nolint:gosec // no more than there are bytes
	for i := range v.Len() {
		u.unpack(v.Index(i))
	}
}

func (u *unpacker) fields(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		seconds := u.signed()
		v.Set(reflect.ValueOf(time.Unix(seconds, int64(u.number())).UTC())) //nolint:gosec // as it was written
		return
	}
	for set := u.number(); set != 0 && !u.failed; set &= set - 1 {
		i := bits.TrailingZeros64(set)
		if i >= v.NumField() || !v.Field(i).CanSet() {
			u.fail()
			return
		}
		u.unpack(v.Field(i))
	}
}

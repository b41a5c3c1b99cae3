package odbctest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// packet is one of the protocol between MariaDB and its clients: the length in
// three bytes, a number, and what it says.
type packet []byte

const header = 4

func (p packet) body() []byte { return p[header:] }

// first is the first byte of what it says; the first of a command is its kind.
func (p packet) first() byte {
	if len(p) == header {
		return 0
	}
	return p[header]
}

func readPacket(r io.Reader) (packet, error) {
	head := make([]byte, header)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	p := make(packet, header+(int(head[0])|int(head[1])<<8|int(head[2])<<16))
	copy(p, head)
	_, err := io.ReadFull(r, p[header:])
	return p, err
}

// refusal is the server's error packet in answer to a packet.
func refusal(to packet, code int, state, message string) packet {
	body := append([]byte{0xff, byte(code), byte(code >> 8), '#'}, state...)
	body = append(body, message...)
	n := len(body)
	return append(packet{byte(n), byte(n >> 8), byte(n >> 16), to[3] + 1}, body...)
}

// The commands that matter.
const (
	comQuit     = 0x01
	comQuery    = 0x03
	comFields   = 0x04
	comPrepare  = 0x16
	comExecute  = 0x17
	comLongData = 0x18
	comClose    = 0x19
	comFetch    = 0x1c
)

var errGreeting = errors.New("odbctest: a greeting that is not MariaDB's")

// plainGreeting takes from a server's greeting what would change the form of
// answers: that ends of rows are not marked, that columns are described only
// once, compression and encryption.
func plainGreeting(p packet) error {
	b := p.body()
	end := bytes.IndexByte(b, 0)
	if len(b) == 0 || b[0] != 10 || end < 0 {
		return errGreeting
	}
	at := end + 1 + 4 + 8 + 1 // behind the version, the thread's number, the scramble
	if len(b) < at+18 {
		return errGreeting
	}
	const compress, ssl, unmarkedEnd, progress, zstd = 1 << 5, 1 << 11, 1 << 24, 1 << 29, 1 << 26
	caps := uint32(binary.LittleEndian.Uint16(b[at:])) | uint32(binary.LittleEndian.Uint16(b[at+5:]))<<16
	caps &^= compress | ssl | unmarkedEnd | progress | zstd
	binary.LittleEndian.PutUint16(b[at:], uint16(caps))
	binary.LittleEndian.PutUint16(b[at+5:], uint16(caps>>16))
	clear(b[at+14 : at+18]) // MariaDB's further abilities
	return nil
}

// answer follows the packets of a server's answer to one command.
type answer struct {
	command byte
	state   int
	left    int // descriptions to come
	rows    int // that have come
	id      uint32
	failed  bool
}

// The states of an answer.
const (
	atStart = iota
	atColumns
	atColumnsEnd
	atRows
	atFurther // descriptions after those of the parameters
)

const moreResults = 0x08

// silent reports whether a command has no answer.
func silent(command byte) bool {
	return command == comQuit || command == comLongData || command == comClose
}

// takes looks at the answer's next packet, and reports whether it was the last.
func (a *answer) takes(p packet) (last bool) {
	b := p.body()
	isEnd := p.first() == 0xfe && len(b) < 9
	switch {
	case p.first() == 0xff && a.state != atColumns && a.state != atFurther:
		a.failed = true
		return true
	case a.command == comPrepare:
		return a.prepared(b)
	case a.command != comQuery && a.command != comExecute && a.command != comFetch && a.command != comFields:
		return true
	}
	if a.state == atStart && (a.command == comFetch || a.command == comFields) {
		a.state = atRows
	}
	switch a.state {
	case atStart:
		if p.first() == 0 {
			_, rest := number(b[1:])
			_, rest = number(rest)
			return len(rest) < 2 || rest[0]&moreResults == 0
		}
		n, _ := number(b)
		a.left, a.state = int(n), atColumns
	case atColumns:
		if a.left--; a.left == 0 {
			a.state = atColumnsEnd
		}
	case atColumnsEnd:
		a.state = atRows
		const cursor = 0x40
		return len(b) >= 5 && b[3]&cursor != 0
	case atRows:
		if !isEnd {
			a.rows++
			return false
		}
		a.state = atStart
		return len(b) < 5 || b[3]&moreResults == 0
	}
	return false
}

// prepared follows the answer to a statement that is prepared: its number, and
// the descriptions of its parameters and of its columns.
func (a *answer) prepared(b []byte) (last bool) {
	switch a.state {
	case atStart:
		if len(b) < 9 {
			return true
		}
		a.id = binary.LittleEndian.Uint32(b[1:])
		columns, parameters := int(binary.LittleEndian.Uint16(b[5:])), int(binary.LittleEndian.Uint16(b[7:]))
		for _, n := range []int{parameters, columns} {
			if n > 0 {
				a.left += n + 1 // and a mark of the end
			}
		}
		a.state = atFurther
	default:
		a.left--
	}
	return a.left == 0
}

// number reads a number of one to nine bytes.
func number(b []byte) (uint64, []byte) {
	if len(b) == 0 {
		return 0, nil
	}
	size := map[byte]int{0xfc: 2, 0xfd: 3, 0xfe: 8}[b[0]]
	if size == 0 {
		return uint64(b[0]), b[1:]
	}
	var n uint64
	for i := size; i > 0 && i < len(b); i-- {
		n = n<<8 | uint64(b[i])
	}
	return n, b[min(len(b), size+1):]
}

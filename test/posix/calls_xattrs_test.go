package posix

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What is about extended attributes and ACLs.
var xattrCalls = map[string]call{
	"setxattr": func(p *process, a args) (string, error) {
		flags := bits(a.at(3), map[string]int{"create": unix.XATTR_CREATE, "replace": unix.XATTR_REPLACE, "bad": 1 << 10})
		if w := p.place(a[0]); w.open {
			return "", unix.Fsetxattr(w.dir, a[1], []byte(a.at(2)), flags)
		}
		return "", unix.Setxattr(p.place(a[0]).byPath(), a[1], []byte(a.at(2)), flags)
	},
	"lsetxattr": func(p *process, a args) (string, error) {
		return "", unix.Lsetxattr(p.place(a[0]).byPath(), a[1], []byte(a.at(2)), 0)
	},
	"getxattr": func(p *process, a args) (string, error) {
		b, err := p.xattr(a[0], a[1], a.at(2), unix.Getxattr)
		return text(b), err
	},
	"lgetxattr": func(p *process, a args) (string, error) {
		b, err := p.xattr(a[0], a[1], a.at(2), unix.Lgetxattr)
		return text(b), err
	},
	// xattrsize asks for the size alone.
	"xattrsize": func(p *process, a args) (string, error) {
		n, err := unix.Getxattr(p.place(a[0]).byPath(), a[1], nil)
		return fmt.Sprint(n), err
	},
	"listxattr": func(p *process, a args) (string, error) {
		size := 1 << 16
		if a.at(1) != "" {
			size = int(number(a[1]))
		}
		var n int
		var err error
		buf := make([]byte, size)
		if w := p.place(a[0]); w.open {
			n, err = unix.Flistxattr(w.dir, buf)
		} else {
			n, err = unix.Llistxattr(w.byPath(), buf)
		}
		if err != nil {
			return "", err
		}
		if size == 0 {
			return fmt.Sprint(n), nil
		}
		names := strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 })
		sort.Strings(names)
		if len(names) > 10 {
			return fmt.Sprintf("%d names", len(names)), nil
		}
		if len(names) == 0 {
			return "none", nil
		}
		return strings.Join(names, " "), nil
	},
	"removexattr": func(p *process, a args) (string, error) {
		if w := p.place(a[0]); w.open {
			return "", unix.Fremovexattr(w.dir, a[1])
		}
		return "", unix.Removexattr(p.place(a[0]).byPath(), a[1])
	},
	"setacl": func(p *process, a args) (string, error) {
		return "", p.setACL(a[0], a[1], p.encodeACL(a[2]))
	},
	"getacl": func(p *process, a args) (string, error) {
		b, err := p.xattr(a[0], "system.posix_acl_"+a[1], "", unix.Getxattr)
		if err != nil {
			return "", err
		}
		return p.decodeACL(b), nil
	},
	"badacl": func(p *process, a args) (string, error) {
		return "", p.setACL(a[0], a[1], []byte(a.at(2)))
	},
}

func (p *process) setACL(path, kind string, value []byte) error {
	if w := p.place(path); w.open {
		return unix.Fsetxattr(w.dir, "system.posix_acl_"+kind, value, 0)
	}
	return unix.Setxattr(p.place(path).byPath(), "system.posix_acl_"+kind, value, 0)
}

func (p *process) xattr(path, name, size string, get func(path, name string, dest []byte) (int, error)) ([]byte, error) {
	most := 1 << 16
	if size != "" {
		most = int(number(size))
	}
	buf := make([]byte, most)
	var n int
	var err error
	if w := p.place(path); w.open {
		n, err = unix.Fgetxattr(w.dir, name, buf)
	} else {
		n, err = get(w.byPath(), name, buf)
	}
	return buf[:max(n, 0)], err
}

// The tags of entries in an ACL, by the letters of setfacl: u and g with a name are others than without.
var aclTags = map[string]uint16{"u": 1, "u:": 2, "g": 4, "g:": 8, "m": 16, "o": 32}

// encodeACL reads entries like u::rwx,g:extra:r-x.
func (p *process) encodeACL(s string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range strings.Split(s, ",") {
		part := strings.Split(e, ":")
		tag, id := part[0], uint32(0xffffffff)
		if part[1] != "" {
			number := p.user
			if tag == "g" {
				number = p.group
			}
			tag, id = tag+":", uint32(number(part[1]))
		}
		perm := uint16(0)
		for i, letter := range "rwx" {
			if strings.ContainsRune(part[2], letter) {
				perm |= 4 >> i
			}
		}
		b = binary.LittleEndian.AppendUint16(b, aclTags[tag])
		b = binary.LittleEndian.AppendUint16(b, perm)
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	return b
}

func (p *process) decodeACL(b []byte) string {
	var entries []string
	for b = b[min(4, len(b)):]; len(b) >= 8; b = b[8:] {
		tag, perm, id := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])
		name := strconv.Itoa(int(tag))
		for n, t := range aclTags {
			if t == tag {
				name = n[:1] + ":"
				switch n {
				case "u:":
					name += p.userName(id)
				case "g:":
					name += p.groupName(id)
				}
			}
		}
		for i, letter := range "rwx" {
			if i == 0 {
				name += ":"
			}
			if perm&(4>>i) != 0 {
				name += string(letter)
			} else {
				name += "-"
			}
		}
		entries = append(entries, name)
	}
	return strings.Join(entries, ",")
}

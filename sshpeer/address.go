package sshpeer

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxAddress bounds an address as written, by people and by String.
const maxAddress = 4096

// An Address says where a member is reached: at host:port by the embedded server, or by an OpenSSH login
// that runs `syncfs serve Path`. The zero Address is none: that member dials us.
type Address struct {
	SSH  bool
	User string // ssh: as logged in; "" leaves it to ssh_config
	Host string
	Port string // ssh: "" leaves it to ssh_config
	Path string // ssh: absolute, or relative to the login directory
}

// ParseAddress reads host:port or ssh://[user@]host[:port]/path. A path that begins with /~/ is relative
// to the login directory. Special bytes of the path are written as %XX.
func ParseAddress(s string) (Address, error) {
	if len(s) > maxAddress {
		return Address{}, badAddress(s, "too long")
	}
	if strings.Contains(s, "://") {
		return parseURL(s)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Address{}, badAddress(s, "want host:port or ssh://user@host/path")
	}
	if port == "" {
		return Address{}, badAddress(s, "no port")
	}
	a := Address{Host: host, Port: port}
	return a, a.check(s)
}

func parseURL(s string) (Address, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return Address{}, badAddress(s, "not a URL such as ssh://user@host/path")
	case u.Scheme != "ssh":
		return Address{}, badAddress(s, "only ssh:// is known")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Address{}, badAddress(s, "`?` and `#` of a path are written %3F and %23")
	}
	if _, ok := u.User.Password(); ok {
		return Address{}, badAddress(s, "no password belongs here: syncfs logs in with keys")
	}
	a := Address{SSH: true, User: u.User.Username(), Host: u.Hostname(), Port: u.Port(), Path: u.Path}
	if home, ok := strings.CutPrefix(a.Path, "/~/"); ok {
		a.Path = strings.TrimLeft(home, "/")
	}
	return a, a.check(s)
}

// check keeps from a shell and from option parsers what they would misread.
func (a Address) check(s string) error {
	if a.Host == "" || strings.HasPrefix(a.Host, "-") || strings.ContainsFunc(a.Host, unfitForHost) {
		return badAddress(s, "no host name")
	}
	if _, err := netip.ParseAddr(a.Host); err != nil && strings.ContainsAny(a.Host, ":%") {
		return badAddress(s, "no IPv6 address")
	}
	if a.Port != "" {
		if n, err := strconv.ParseUint(a.Port, 10, 16); err != nil || n == 0 || a.Port[0] == '0' {
			return badAddress(s, "the port is 1 to 65535")
		}
	}
	if !a.SSH {
		return nil
	}
	if strings.HasPrefix(a.User, "-") || strings.ContainsFunc(a.User, unfitForUser) {
		return badAddress(s, "not a user name")
	}
	if a.Path == "" || a.Path == "/" || strings.ContainsFunc(a.Path, isControl) {
		return badAddress(s, "the path of the folder is missing: ssh://user@host/path")
	}
	if len(a.String()) > maxAddress {
		return badAddress(s, "too long")
	}
	return nil
}

// String is a as ParseAddress reads it; "" for none.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	if !a.SSH {
		return net.JoinHostPort(a.Host, a.Port)
	}
	path := a.Path
	if !strings.HasPrefix(path, "/") {
		path = "/~/" + path
	}
	u := url.URL{Scheme: "ssh", Host: a.hostPort(), Path: path}
	if a.User != "" {
		u.User = url.User(a.User)
	}
	return u.String()
}

func (a Address) hostPort() string {
	switch {
	case a.Port != "":
		return net.JoinHostPort(a.Host, a.Port)
	case strings.Contains(a.Host, ":"):
		return "[" + a.Host + "]"
	}
	return a.Host
}

// IsZero reports whether a is no address.
func (a Address) IsZero() bool { return a == Address{} }

// MarshalText and UnmarshalText store an Address as people write it.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (a *Address) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Address{}
		return nil
	}
	parsed, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

func badAddress(s, why string) error {
	if len(s) > 100 {
		s = s[:100] + "..."
	}
	return fmt.Errorf("address %q: %s", s, why)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// unfitForHost allows names, IPv4 and IPv6 with a zone.
func unfitForHost(r rune) bool {
	return !strings.ContainsRune("._-:%", r) && unfitWord(r)
}

func unfitForUser(r rune) bool {
	return !strings.ContainsRune("._-@+", r) && unfitWord(r)
}

// unfitWord allows ASCII's letters and digits and all beyond ASCII, if it is text.
func unfitWord(r rune) bool {
	return r == utf8.RuneError || r < 0x80 && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

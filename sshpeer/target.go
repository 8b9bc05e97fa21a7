package sshpeer

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A target is how one OpenSSH server is reached, as ssh_config has it.
type target struct {
	alias, host, port, user string
	network                 string // tcp, tcp4 or tcp6
	timeout                 time.Duration
	proxyCommand            string
	jumps                   []Address
	hostKeyAlias            string
	hostFiles               []string // the user's first
	learn                   bool     // StrictHostKeyChecking accept-new: note the key of a new host
	identities              []string
	named                   bool // identities are those of ssh_config, not the default ones
	identitiesOnly          bool
	agent                   string
}

func (t *target) address() string { return net.JoinHostPort(t.host, t.port) }

// The names under ~/.ssh that are tried when ssh_config names no identity.
var defaultIdentities = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

// target finds what ssh_config says of a.
func (l Login) target(a Address) (*target, error) {
	c, err := l.config(a.Host)
	if err != nil {
		return nil, err
	}
	t := &target{alias: a.Host, host: a.Host, port: "22", network: "tcp", agent: l.Agent}
	t.user = firstOf(a.User, c.first("user"), l.User)
	t.port = firstOf(a.Port, c.first("port"), "22")
	if name := c.first("hostname"); name != "" {
		if t.host, err = t.expand(l, name); err != nil {
			return nil, err
		}
	}
	if err := (Address{SSH: true, User: t.user, Host: t.host, Port: t.port, Path: "/x"}).check(t.host); err != nil {
		return nil, faultf(ErrConfig, "ssh_config for %s: %v", a.Host, err)
	}
	for _, set := range []func(Login, config) error{t.setNetwork, t.setRoute, t.setHostKeys, t.setIdentities} {
		if err := set(l, c); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *target) setNetwork(_ Login, c config) error {
	switch family := strings.ToLower(c.first("addressfamily")); family {
	case "", "any":
	case "inet":
		t.network = "tcp4"
	case "inet6":
		t.network = "tcp6"
	default:
		return unclear("AddressFamily", family)
	}
	if limit := c.first("connecttimeout"); limit != "" && limit != "none" {
		n, err := strconv.ParseUint(limit, 10, 16)
		if err != nil {
			return unclear("ConnectTimeout", limit)
		}
		t.timeout = time.Duration(n) * time.Second
	}
	return nil
}

func (t *target) setRoute(l Login, c config) (err error) {
	s := c.route()
	switch {
	case s.value == "" || strings.EqualFold(s.value, "none"):
		return nil
	case s.keyword == "proxycommand":
		t.proxyCommand, err = t.expand(l, s.value)
		return err
	}
	for _, hop := range strings.Split(s.value, ",") {
		hop = strings.TrimPrefix(strings.TrimSpace(hop), "ssh://")
		a, err := ParseAddress("ssh://" + strings.TrimSuffix(hop, "/") + "/jump")
		if err != nil {
			return faultf(ErrConfig, "%s: ProxyJump %s: %v", s.where, s.value, err)
		}
		t.jumps = append(t.jumps, a)
	}
	return nil
}

func (t *target) setHostKeys(l Login, c config) error {
	t.hostKeyAlias = c.first("hostkeyalias")
	switch strict := strings.ToLower(c.first("stricthostkeychecking")); strict {
	case "", "yes", "true", "ask":
	case "accept-new", "no", "false", "off":
		// Even where ssh_config asks for less, a key that has changed is refused.
		t.learn = true
	default:
		return unclear("StrictHostKeyChecking", strict)
	}
	user := firstOf(c.first("userknownhostsfile"), "~/.ssh/known_hosts ~/.ssh/known_hosts2")
	system := firstOf(l.System, "/etc/ssh")
	global := firstOf(c.first("globalknownhostsfile"),
		filepath.Join(system, "ssh_known_hosts")+" "+filepath.Join(system, "ssh_known_hosts2"))
	for _, file := range strings.Fields(user + " " + global) {
		if file == "none" {
			continue
		}
		file, err := t.expand(l, strings.Trim(file, `"`))
		if err != nil {
			return err
		}
		t.hostFiles = append(t.hostFiles, file)
	}
	return nil
}

func (t *target) setIdentities(l Login, c config) error {
	t.identitiesOnly = strings.EqualFold(c.first("identitiesonly"), "yes")
	for _, file := range c.all("identityfile") {
		t.named = true
		if file == "none" {
			continue
		}
		file, err := t.expand(l, file)
		if err != nil {
			return err
		}
		t.identities = append(t.identities, file)
	}
	if !t.named {
		for _, name := range defaultIdentities {
			t.identities = append(t.identities, filepath.Join(l.Home, ".ssh", name))
		}
	}
	switch agent := c.first("identityagent"); {
	case agent == "" || agent == "SSH_AUTH_SOCK":
	case agent == "none":
		t.agent = ""
	case strings.HasPrefix(agent, "$"):
		t.agent = os.Getenv(strings.Trim(agent[1:], "{}"))
	default:
		var err error
		t.agent, err = t.expand(l, agent)
		return err
	}
	return nil
}

// expand replaces ~ and the tokens of ssh_config(5) that syncfs knows; another one is refused.
func (t *target) expand(l Login, s string) (string, error) {
	s = l.tilde(s)
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case '%':
			out.WriteByte('%')
		case 'd':
			out.WriteString(l.Home)
		case 'h':
			out.WriteString(t.host)
		case 'n':
			out.WriteString(t.alias)
		case 'p':
			out.WriteString(t.port)
		case 'r':
			out.WriteString(t.user)
		case 'u':
			out.WriteString(l.User)
		default:
			return "", faultf(ErrConfig, "ssh_config for %s: the token %%%c in %q is not supported by syncfs", t.alias, s[i], s)
		}
	}
	return out.String(), nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func unclear(keyword, value string) error {
	return faultf(ErrConfig, "ssh_config: %s %q is not known to syncfs", keyword, value)
}

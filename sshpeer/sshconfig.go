package sshpeer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// What of ssh_config is honoured.
var supported = words(`
	addressfamily connecttimeout globalknownhostsfile hostkeyalias hostname identitiesonly identityagent
	identityfile ignoreunknown port proxycommand proxyjump stricthostkeychecking user userknownhostsfile`)

// What neither changes the route nor who is trusted, or has no meaning without a terminal.
var harmless = words(`
	addkeystoagent batchmode canonicaldomains canonicalizefallbacklocal canonicalizemaxdots
	canonicalizepermittedcnames challengeresponseauthentication checkhostip ciphers clearallforwardings
	compression compressionlevel connectionattempts controlmaster controlpath controlpersist
	dynamicforward enableescapecommandline enablesshkeysign escapechar exitonforwardfailure
	fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted
	gatewayports gssapiauthentication gssapidelegatecredentials hashknownhosts hostbasedacceptedalgorithms
	hostbasedauthentication hostbasedkeytypes hostkeyalgorithms ipqos kbdinteractiveauthentication
	kbdinteractivedevices kexalgorithms localcommand localforward loglevel logverbose macs
	nohostauthenticationforlocalhost numberofpasswordprompts obscurekeystroketiming passwordauthentication
	permitlocalcommand permitremoteopen preferredauthentications protocol pubkeyacceptedalgorithms
	pubkeyacceptedkeytypes refuseconnection rekeylimit remoteforward requiredrsasize requesttty
	rhostsrsaauthentication rsaauthentication sendenv serveralivecountmax serveraliveinterval sessiontype
	setenv stdinnull streamlocalbindmask streamlocalbindunlink syslogfacility tag tcpkeepalive tunneldevice
	updatehostkeys usekeychain useprivilegedport visualhostkey xauthlocation`)

// What is refused unless it has the value that changes nothing.
var only = map[string]string{
	"canonicalizehostname": "no",
	"proxyusefdpass":       "no",
	"pubkeyauthentication": "yes",
	"remotecommand":        "none",
	"tunnel":               "no",
	"verifyhostkeydns":     "no",
}

func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// A setting is one line of ssh_config that applies to a host.
type setting struct{ keyword, value, where string }

// A config is the settings that apply to a host, in the order in which OpenSSH obtains them.
type config []setting

// maxInclude bounds a nest of Include.
const maxInclude = 5

// config reads the user's file, then the system's.
func (l Login) config(alias string) (config, error) {
	system := l.System
	if system == "" {
		system = "/etc/ssh"
	}
	var c config
	r := reader{l, alias, filepath.Join(l.Home, ".ssh"), &c}
	if err := r.read(filepath.Join(r.base, "config"), 0); err != nil {
		return nil, err
	}
	r.base = system
	if err := r.read(filepath.Join(r.base, "ssh_config"), 0); err != nil {
		return nil, err
	}
	return c, c.refuse()
}

// A reader obtains the settings for one host from a file and what it includes.
type reader struct {
	login Login
	alias string
	base  string // what a relative Include is relative to
	into  *config
}

func (r reader) read(file string, depth int) error {
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return faultf(ErrConfig, "%v", err)
	case depth > maxInclude:
		return faultf(ErrConfig, "%s: Include nested more than %d deep", file, maxInclude)
	}
	parsed, err := ssh_config.Decode(bytes.NewReader(text))
	if err != nil {
		return faultf(ErrConfig, "%s: %v", file, err)
	}
	for _, host := range parsed.Hosts {
		if !host.Matches(r.alias) {
			continue
		}
		for _, node := range host.Nodes {
			switch n := node.(type) {
			case *ssh_config.KV:
				*r.into = append(*r.into, setting{strings.ToLower(n.Key), n.Value, fmt.Sprintf("%s:%d", file, n.Pos().Line)})
			case *ssh_config.Include:
				if err := r.include(file, n, depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// include reads the files that an Include names.
func (r reader) include(file string, n *ssh_config.Include, depth int) error {
	line := strings.TrimSpace(n.String())[len("Include"):]
	if n.Comment != "" {
		line = strings.TrimSuffix(line, "#"+n.Comment)
	}
	for _, pattern := range strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "=")) {
		pattern = r.login.tilde(strings.Trim(pattern, `"`))
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(r.base, pattern)
		}
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return faultf(ErrConfig, "%s: Include %s: %v", file, pattern, err)
		}
		for _, m := range matches {
			if err := r.read(m, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuse names the first setting that cannot be honoured.
func (c config) refuse() error {
	ignored := strings.FieldsFunc(strings.ToLower(c.first("ignoreunknown")), func(r rune) bool { return r == ',' || r == ' ' })
	for _, s := range c {
		if supported[s.keyword] || harmless[s.keyword] || matchesAny(ignored, s.keyword) {
			continue
		}
		if value, ok := only[s.keyword]; ok && strings.EqualFold(s.value, value) {
			continue
		}
		return faultf(ErrConfig, "%s: %s %s is not supported by syncfs, and would change the way to the host or who is trusted; give syncfs a Host of its own without it", s.where, s.keyword, s.value)
	}
	return nil
}

func matchesAny(patterns []string, keyword string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, keyword); ok && err == nil {
			return true
		}
	}
	return false
}

// first is the value that counts: the first obtained.
func (c config) first(keyword string) string {
	for _, s := range c {
		if s.keyword == keyword {
			return s.value
		}
	}
	return ""
}

// all gives every value of a keyword that adds up.
func (c config) all(keyword string) []string {
	var values []string
	for _, s := range c {
		if s.keyword == keyword {
			values = append(values, s.value)
		}
	}
	return values
}

// route is the first of ProxyJump and ProxyCommand: either keeps a later one from being used.
func (c config) route() (s setting) {
	for _, s := range c {
		if s.keyword == "proxyjump" || s.keyword == "proxycommand" {
			return s
		}
	}
	return setting{}
}

func (l Login) tilde(p string) string {
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		return filepath.Join(l.Home, rest)
	}
	return p
}

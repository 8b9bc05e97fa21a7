// Package name makes and reads conflict names, and knows which names a file and a replica may have. It
// is pure.
//
// What loses its name to another is shown with a mark before the extension, which is what follows the
// last dot that is not the first byte:
//
//	report (conflict 2026-11-22 10.15.30 laptop).pdf
//	report (conflict 2026-11-22 10.15.30 laptop 2).pdf
//	notes (conflict first)
//
// The family of a name is the name without its mark, with its stem cut so that any mark fits. Names
// are given family by family, so a conflict name must fall into the family of the name it was made of,
// and no mark is ever put on another: Family(Conflict(n)) == Family(n).
package name

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"syncfs/journal/version"
)

const (
	maxName      = 255
	maxExtension = 64 // with its dot; what is longer is no extension
	open         = " (conflict "
	first        = "first" // of what was there at first contact
	layout       = "2006-01-02 15.04.05"
	maxDigits    = 6

	// maxFamily leaves room for the longest mark.
	maxFamily = maxName - len(open) - len(layout) - 1 - version.MaxReplica - 1 - maxDigits - len(")")
)

// Family is name without its conflict mark, short enough to take one.
func Family(name string) string {
	for {
		n := cut(unmark(name))
		if n == name {
			return n
		}
		name = n
	}
}

// Marked tells whether name has a conflict mark.
func Marked(name string) bool { return unmark(name) != name }

// Conflict is the name under which what lost name at t is shown: the first one that is not taken.
func Conflict(name string, t version.Timestamp, taken func(string) bool) string {
	stem, ext := split(Family(name))
	label := first
	if t.Replica != "" {
		label = time.Unix(0, t.Time).UTC().Format(layout) + " " + t.Replica
	}
	c := stem + open + label + ")" + ext
	for i := 2; taken(c); i++ {
		c = stem + open + label + " " + strconv.Itoa(i) + ")" + ext
	}
	return c
}

// Check says what is wrong with the name of a file or directory.
func Check(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("name %q: not a name", name)
	case len(name) > maxName:
		return fmt.Errorf("name %.20q...: %d bytes, %d is the most", name, len(name), maxName)
	case strings.ContainsAny(name, "/\x00"):
		return fmt.Errorf("name %q: has a slash or a zero byte", name)
	}
	return nil
}

// CheckReplica says what is wrong with the name of a replica.
func CheckReplica(name string) error {
	if name == "" || len(name) > version.MaxReplica {
		return fmt.Errorf("replica name %q: 1 to %d bytes are allowed", name, version.MaxReplica)
	}
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("replica name %q: letters, digits, '.', '_' and '-' are allowed", name)
		}
	}
	return nil
}

// split cuts a name before its extension.
func split(name string) (stem, ext string) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || len(name)-i > maxExtension {
		return name, ""
	}
	return name[:i], name[i:]
}

// cut shortens the stem of a name that is too long to take a mark, if it can between two characters.
func cut(name string) string {
	if len(name) <= maxFamily {
		return name
	}
	stem, ext := split(name)
	n := maxFamily - len(ext)
	for i := n; i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(stem[i]) {
			n = i
			break
		}
	}
	return stem[:n] + ext
}

// unmark takes a mark off name: one at its end, else one before its extension.
func unmark(name string) string {
	if !strings.Contains(name, open) {
		return name
	}
	if stem, ok := unmarkEnd(name); ok {
		return stem
	}
	head, ext := split(name)
	if stem, ok := unmarkEnd(head); ok {
		return stem + ext
	}
	return name
}

func unmarkEnd(s string) (stem string, ok bool) {
	i := strings.LastIndex(s, open)
	if i <= 0 || !strings.HasSuffix(s, ")") {
		return s, false
	}
	words := strings.Split(s[i+len(open):len(s)-1], " ")
	switch {
	case words[0] == first:
		words = words[1:]
	case len(words) >= 3 && isTime(words[0]+" "+words[1]) && CheckReplica(words[2]) == nil:
		words = words[3:]
	default:
		return s, false
	}
	if len(words) > 1 || len(words) == 1 && !isNumber(words[0]) {
		return s, false
	}
	return s[:i], true
}

func isTime(s string) bool {
	_, err := time.Parse(layout, s)
	return err == nil
}

func isNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 1 && strconv.Itoa(n) == s && len(s) <= maxDigits
}

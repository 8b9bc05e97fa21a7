package journal

import (
	"os"
	"strings"
	"testing"
)

// The keys are drawn twice, for who reads the code and for who reads the docs: alike.
func TestDocsDrawTheSameKeys(t *testing.T) {
	code, err := os.ReadFile("doc.go")
	must(t, err)
	docs, err := os.ReadFile("../docs/journal.md")
	must(t, err)
	_, drawn, _ := strings.Cut(string(code), "// # Keys")
	drawn, _, _ = strings.Cut(drawn, "// # Durability")
	for line := range strings.Lines(drawn) {
		if l, ok := strings.CutPrefix(line, "//\t"); ok && !strings.Contains(string(docs), "    "+l) {
			t.Errorf("docs/journal.md lacks %q", l)
		}
	}
}

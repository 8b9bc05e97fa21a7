package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"syncfs/cmd/report"
)

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// warning is text that asks for a person: red on a terminal, unless NO_COLOR is set.
func warning(w io.Writer, text string) string {
	if isTerminal(w) && os.Getenv("NO_COLOR") == "" {
		return "\x1b[31m" + text + "\x1b[0m"
	}
	return text
}

func amount(a report.Amount) string {
	if a.Items == 0 {
		return "none"
	}
	noun := "items"
	if a.Items == 1 {
		noun = "item"
	}
	return fmt.Sprintf("%d %s, %s", a.Items, noun, size(a.Bytes))
}

func size(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, 0
	for v >= 1000 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", v, units[unit])
}

// ago is how long ago t was, in the largest unit that fits.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 2*time.Second:
		return "now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return t.Local().Format("2006-01-02 15:04")
}

func problem(p report.Problem) string {
	switch {
	case p.Path != "":
		return p.Path + ": " + p.What
	case p.Peer != "":
		return p.Peer + ": " + p.What
	}
	return p.What
}

package daemon

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"

	"gopkg.in/natefinch/lumberjack.v2"
)

// openLog is the daemon's log, .syncfs/log, rotated; also is written the same.
func openLog(dir string, also io.Writer) (*slog.Logger, io.Closer) {
	file := &lumberjack.Logger{
		Filename:   filepath.Join(dir, "log"),
		MaxSize:    10, // MB
		MaxBackups: 4,
		MaxAge:     90, // days
	}
	var w io.Writer = file
	if also != nil {
		w = io.MultiWriter(file, also)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: logLevel()})), file
}

// logLevel is Info; SYNCFS_DEBUG asks for more.
func logLevel() slog.Level {
	if os.Getenv("SYNCFS_DEBUG") != "" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// recordCrash has the last words of a daemon that panics kept in .syncfs/crash.
func recordCrash(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "crash"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // SetCrashOutput has a descriptor of its own
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

package fusefs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/fusefs/device"
	"syncfs/journal/change"
	"syncfs/journal/step"
)

// A Recorder takes note of what programs do.
type Recorder interface {
	// Record notes a change and returns its number in the order of changes, which grows. It is called from
	// many goroutines, with names held, so it must be quick and wait for nothing. Paths in the change are
	// those at its number.
	Record(change.Change) uint64
}

// Absent knows the files whose content is not here. What it says takes every recorded change into account
// once Record has returned. All methods but Fetch are called with names held and must be quick.
type Absent interface {
	// AbsentFile returns the stat of the absent file at path, if there is one.
	AbsentFile(path string) (step.Stat, bool)
	// AbsentIn returns the absent files in the directory at path.
	AbsentIn(dir string) []step.Stat
	// SetAbsent notes attributes that a program set on the absent file at path.
	SetAbsent(path string, a step.Attr)
	// AbsentXAttrs returns the user.* attributes of the absent file at path.
	AbsentXAttrs(path string) map[string]string
	// Fetch returns once the file at path is in place, or says why it can't be.
	Fetch(ctx context.Context, path string) error
}

// Options are those of a mount. Recorder is required.
type Options struct {
	Recorder   Recorder
	Replica    string       // its name, for conflict names
	Absent     Absent       // nil: no file is ever absent
	Logger     *slog.Logger // nil: nothing is logged
	ReadOnly   bool
	AllowOther bool     // let other users in; for root it always is so
	Helper     []string // command line of the helper; nil: this program with HelperArg
}

// A Mounted is a folder with the mount over it.
type Mounted struct {
	v     *volume
	child *child
	point string

	steps  sync.Mutex // held over each step; before v.names
	walked walked
	done   chan struct{}
}

// LevelTrace is the level below debug at which each request and its answer is logged.
const LevelTrace = slog.LevelDebug - 4

const minProcs = 8

// maxIO is the size of the largest read and write.
const maxIO = 1 << 20

// Mount mounts over the folder at dir and serves when it returns. It sets the umask of the process to 0:
// modes are those that programs ask for.
func Mount(dir string, o Options) (*Mounted, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	folder, err := backing.Open(dir)
	if err != nil {
		return nil, err
	}
	err = folder.Recover(o.Replica)
	var m *Mounted
	if err == nil {
		m, err = mount(folder, o)
	}
	if err != nil {
		folder.Close()
		return nil, &fs.PathError{Op: "mount", Path: dir, Err: err}
	}
	return m, nil
}

func mount(folder *backing.Folder, o Options) (*Mounted, error) {
	unix.Umask(0)
	v, err := newVolume(folder, o)
	if err != nil {
		return nil, err
	}
	var random [16]byte
	rand.Read(random[:])
	v.hidden = backing.Reserved + "-" + hex.EncodeToString(random[:])
	v.privil = os.Geteuid() == 0
	v.writeback = !v.privil
	v.readOnly = o.ReadOnly
	v.pass.off.Store(!v.privil)
	directories, most := shares(raiseDescriptors(v.privil))
	v.dirs.most = directories
	v.most.Store(int64(most))
	m := &Mounted{v: v, point: folder.Path(), done: make(chan struct{})}
	if err := m.attach(o); err != nil {
		return nil, err
	}
	raiseProcs()
	if !v.device.Passthrough() {
		v.pass.off.Store(true)
	}
	dev, err := deviceOf(m.point)
	if err == nil {
		m.child, err = newChild(o.Helper, m.point, dev, v.hidden, v.helper.Store)
	}
	if err != nil {
		detach(m.point, v.privil, true)
		return nil, err
	}
	go m.serve()
	if err := m.child.do(order{Op: opPoll}); err != nil {
		m.Unmount()
		<-m.done
		return nil, err
	}
	return m, nil
}

// raiseProcs has Go count with more processors than there may be: a thread that waits for a request counts as one to its
// scheduler, and without idle ones it is woken twice for each request.
func raiseProcs() {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < minProcs {
		runtime.GOMAXPROCS(minProcs)
	}
}

// attach mounts and reads the kernel's first request.
func (m *Mounted) attach(o Options) error {
	opts := &fuse.MountOptions{
		MaxWrite:                 maxIO,
		MaxReadAhead:             maxIO,
		MaxBackground:            64,
		EnableSymlinkCaching:     true,
		ExplicitDataCacheControl: true,
		EnableAcl:                true,
		Debug:                    o.Logger.Enabled(context.Background(), LevelTrace),
		// Not CAP_ATOMIC_O_TRUNC: after such an open the kernel cuts the file once more by itself (do_truncate), without a
		// word and with what others wrote in between.
		ExtraCapabilities: fuse.CAP_HANDLE_KILLPRIV_V2 | fuse.CAP_DONT_MASK | fuse.CAP_NO_OPENDIR_SUPPORT |
			fuse.CAP_SETXATTR_EXT | fuse.CAP_ASYNC_DIO | fuse.CAP_DIRECT_IO_ALLOW_MMAP,
		Logger: slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	if m.v.writeback {
		opts.ExtraCapabilities |= fuse.CAP_WRITEBACK_CACHE
		opts.DisabledCapabilities |= fuse.CAP_PASSTHROUGH
	}
	fd, err := m.mountOver(o)
	if err != nil {
		return err
	}
	if m.v.device, err = device.New(fd, m.v, opts); err != nil {
		detach(m.point, m.v.privil, true)
	}
	return err
}

// mountOver mounts, and returns the descriptor of the connection.
func (m *Mounted) mountOver(o Options) (int, error) {
	if m.v.privil {
		return mountAsRoot(m.point, m.v.folder, o)
	}
	options := []string{"default_permissions", "fsname=" + m.point, "subtype=syncfs", fmt.Sprintf("max_read=%d", maxIO)}
	if o.AllowOther {
		options = append(options, "allow_other")
	}
	if o.ReadOnly {
		options = append(options, "ro")
	}
	return device.Mount(m.point, options)
}

// mountAsRoot mounts with the flags of the filesystem underneath, so that devices and setuid programs are
// what they are there. The descriptor is not inherited by children.
func mountAsRoot(point string, folder *backing.Folder, o Options) (int, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: "/dev/fuse", Err: err}
	}
	var under unix.Statfs_t
	if err := unix.Fstatfs(folder.Root(), &under); err != nil {
		unix.Close(fd)
		return -1, err
	}
	// ST_RDONLY to ST_NOEXEC have the values of MS_RDONLY to MS_NOEXEC.
	flags := uintptr(under.Flags) & (unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if o.ReadOnly {
		flags |= unix.MS_RDONLY
	}
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other,max_read=%d", fd, maxIO)
	if err := unix.Mount(point, point, "fuse.syncfs", flags, data); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// serve answers requests until the folder is unmounted, by whomever, and then puts all away.
func (m *Mounted) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	var settling sync.WaitGroup
	settling.Go(func() { m.v.settler(ctx) })
	m.v.device.Serve()
	cancel()
	settling.Wait()
	m.steps.Lock()
	defer m.steps.Unlock()
	m.child.end()
	m.v.settleEnded()
	m.v.notices.Wait()
	m.v.dirs.closeAll()
	m.walked.clear()
	close(m.done)
}

// Wait returns when the folder is unmounted and all requests are answered.
func (m *Mounted) Wait() { <-m.done }

// Close gives the folder underneath back, once the mount has ended. Until then it can be read and changed, as it can
// be while it is mounted.
func (m *Mounted) Close() error {
	m.Wait()
	return m.v.folder.Close()
}

// Unmount unmounts. If files are open, the mount leaves the tree now and ends with the last of them: Wait
// waits for that. It returns nil if it was unmounted already.
func (m *Mounted) Unmount() error {
	m.child.end()
	select {
	case <-m.done:
		return nil
	default:
	}
	if err := detach(m.point, m.v.privil, false); err == nil {
		<-m.done
		return nil
	}
	err := detach(m.point, m.v.privil, true)
	select {
	case <-m.done: // unmounted by another meanwhile
		return nil
	default:
		return err
	}
}

// detach unmounts what is mounted at point; lazily: also if it is in use.
func detach(point string, root, lazily bool) error {
	if root {
		flags := unix.UMOUNT_NOFOLLOW
		if lazily {
			flags |= unix.MNT_DETACH
		}
		if err := unix.Unmount(point, flags); err != nil {
			return &fs.PathError{Op: "unmount", Path: point, Err: err}
		}
		return nil
	}
	args := []string{"-u", "-q"}
	if lazily {
		args = append(args, "-z")
	}
	if out, err := exec.Command("fusermount3", append(args, "--", point)...).CombinedOutput(); err != nil {
		return &fs.PathError{Op: "unmount", Path: point, Err: fmt.Errorf("fusermount3: %w: %s", err, out)}
	}
	return nil
}

package drivertest_test

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// process returns how a server is run: by a user without privileges if this is
// root, as PostgreSQL refuses to run as root, and no longer than this process.
func process() (*syscall.SysProcAttr, int, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() != 0 {
		return attr, os.Getuid(), nil
	}
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		var u *user.User
		if u, err = user.Lookup(name); err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr, uid, nil
	}
	return nil, 0, err
}

// memoryDir returns a folder in memory, if there is one with room for all tests.
func memoryDir() string {
	const dir, tmpfs, room = "/dev/shm", 0x01021994, 4 << 30
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil || int64(s.Type) != tmpfs || s.Bavail*uint64(s.Bsize) < room {
		return ""
	}
	return dir
}

//go:build !linux

package drivertest_test

import (
	"errors"
	"os"
	"syscall"
)

func process() (*syscall.SysProcAttr, int, error) {
	if os.Getuid() == 0 {
		return nil, 0, errors.New("the tests start no server as root: set CREDITS_TEST_POSTGRES")
	}
	return nil, os.Getuid(), nil
}

// memoryDir returns a folder in memory, of which only Linux has one.
func memoryDir() string { return "" }

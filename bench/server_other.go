//go:build !linux

package main

import (
	"errors"
	"os"
	"syscall"
)

func credential() (*syscall.SysProcAttr, int, error) {
	if os.Getuid() == 0 {
		return nil, 0, errors.New("PostgreSQL does not run as root: run this as another user")
	}
	return nil, os.Getuid(), nil
}

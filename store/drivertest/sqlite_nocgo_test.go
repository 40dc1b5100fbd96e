//go:build !cgo

package drivertest_test

const withCgo = false

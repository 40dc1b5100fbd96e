//go:build !cgo

package main

var drivers = []sqliteDriver{modernc}

//go:build cgo

package main

import _ "github.com/mattn/go-sqlite3"

// drivers are those of SQLite, the fastest first.
var drivers = []sqliteDriver{
	{"mattn", "sqlite3", "github.com/mattn/go-sqlite3", "_journal_mode=WAL&_busy_timeout=5000&_synchronous=FULL"},
	modernc,
}

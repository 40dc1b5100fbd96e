package main

import _ "modernc.org/sqlite"

// modernc is SQLite in Go.
var modernc = sqliteDriver{
	"modernc", "sqlite", "modernc.org/sqlite",
	"_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)&_pragma=synchronous(2)",
}

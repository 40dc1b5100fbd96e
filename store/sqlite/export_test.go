package sqlite

// CheckVersion is for tests: no driver at hand is too old.
var CheckVersion = checkVersion

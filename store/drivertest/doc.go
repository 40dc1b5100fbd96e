// Package drivertest tests the stores on databases, each with the drivers that
// hosts use. It is a module of its own, so that the library brings no driver.
//
// PostgreSQL is the server that CREDITS_TEST_POSTGRES names (a connection
// string of a superuser, whose database the tests may fill and empty), or else
// a server of the tests' own, where initdb and postgres are found. Where
// neither is to be had, the tests say so and are skipped; with CI=true they fail.
//
// More of the same is done where the environment says so: CREDITS_TEST_KILLS is how often
// a process that writes to SQLite is killed, CREDITS_TEST_FAILOVERS how often a standby takes
// over, CREDITS_TEST_COMMANDS how many random commands are compared on all
// stores, and CREDITS_TEST_HISTORY how many entries the longest history has.
package drivertest

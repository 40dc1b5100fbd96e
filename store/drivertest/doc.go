// Package drivertest tests the stores on databases, each with the drivers that
// hosts use. It is a module of its own, so that the library brings no driver.
//
// PostgreSQL is the server that CREDITS_TEST_POSTGRES names (a connection
// string of a superuser, whose database the tests may fill and empty), or else
// a server of the tests' own, where initdb and postgres are found. Where
// neither is to be had, the tests say so and are skipped; with CI=true they fail.
package drivertest

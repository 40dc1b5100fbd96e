package drivertest_test

import _ "modernc.org/sqlite"

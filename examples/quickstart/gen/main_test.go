package main

import (
	"bytes"
	"os"
	"testing"
)

func TestTheShippedLogIsTheOneThatIsGenerated(t *testing.T) {
	want, err := os.ReadFile("../testdata/usage.csv")
	if err != nil {
		t.Fatal(err)
	}
	got, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("generated %d bytes that are not the %d of testdata/usage.csv: go generate ./examples/quickstart", len(got), len(want))
	}
}

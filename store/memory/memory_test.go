package memory_test

import (
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return new(memory.Store) })
}

func TestStoreWithoutFaults(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.Faulty(new(memory.Store), nil) })
}

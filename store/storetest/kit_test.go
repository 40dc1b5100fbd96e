package storetest

import (
	"reflect"
	"testing"

	"example.com/credits/store"
)

// TestSameMissesNothing changes every field of what is compared, one at a time.
func TestSameMissesNothing(t *testing.T) {
	for _, zero := range []any{store.Entry{}, store.Head{}, store.State{}, store.Part{}, store.Receipt{}} {
		typ := reflect.TypeOf(zero)
		for i := range typ.NumField() {
			v := reflect.New(typ).Elem()
			switch f := v.Field(i); f.Kind() {
			case reflect.Slice:
				f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			case reflect.String:
				f.SetString("x")
			case reflect.Int64:
				f.SetInt(1)
			default:
				f.SetUint(1)
			}
			if same(whole(v.Interface()), whole(zero)) {
				t.Errorf("a difference in %v.%s is not seen", typ, typ.Field(i).Name)
			}
			if !same(whole(v.Interface()), whole(v.Interface())) {
				t.Errorf("%v with a %s is not the same as itself", typ, typ.Field(i).Name)
			}
		}
	}
}

// whole returns v within what the suite compares.
func whole(v any) any {
	switch v := v.(type) {
	case store.Entry:
		return []store.Entry{v}
	case store.Head:
		return []store.Head{v}
	case store.Part:
		return store.State{Parts: []store.Part{v}}
	case store.Receipt:
		return []store.State{{Receipts: []store.Receipt{v}}}
	}
	return v
}

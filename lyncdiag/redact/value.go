package redact

import (
	"reflect"
	"strings"
)

// Value returns a copy of a value with every text in it redacted: of structs,
// maps, slices and what pointers lead to. What a text is, is also told by the
// name that its field has in JSON, and by the field "key" or "name" beside a field
// "value", "before" or "after". Fields that are not exported, and what implements no more than an
// interface, stay as they are.
func (r *Redactor) Value(v any) any {
	if v == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := reflect.New(reflect.TypeOf(v)).Elem()
	out.Set(reflect.ValueOf(v))
	r.value(out, "")
	return out.Interface()
}

// value redacts what can be set.
func (r *Redactor) value(v reflect.Value, key string) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); s != "" && !enumerations[key] {
			v.SetString(r.field(key, s))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			c := reflect.New(v.Type().Elem())
			c.Elem().Set(v.Elem())
			r.value(c.Elem(), key)
			v.Set(c)
		}
	case reflect.Interface:
		if !v.IsNil() {
			c := reflect.New(v.Elem().Type()).Elem()
			c.Set(v.Elem())
			r.value(c, key)
			v.Set(c)
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(r.text(string(v.Bytes()))))
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		for i := range c.Len() {
			r.value(c.Index(i), key)
		}
		v.Set(c)
	case reflect.Array:
		for i := range v.Len() {
			r.value(v.Index(i), key)
		}
	case reflect.Map:
		if v.IsNil() {
			return
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			k.Set(it.Key())
			e.Set(it.Value())
			r.value(k, "")
			name := ""
			if it.Key().Kind() == reflect.String {
				name = strings.ToLower(it.Key().String())
			}
			r.value(e, name)
			c.SetMapIndex(k, e)
		}
		v.Set(c)
	case reflect.Struct:
		r.fields(v)
	}
}

func (r *Redactor) fields(v reflect.Value) {
	t := v.Type()
	about := "" // what such a field is, by the one beside it
	for i := range t.NumField() {
		if name := jsonName(t.Field(i)); (name == "key" || name == "name") && t.Field(i).Type.Kind() == reflect.String {
			about = strings.ToLower(v.Field(i).String())
		}
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && (!f.Anonymous || f.Type.Kind() != reflect.Struct) {
			continue
		}
		key := jsonName(f)
		if (key == "value" || key == "before" || key == "after") && about != "" {
			key = about
		}
		r.value(v.Field(i), key)
	}
}

// jsonName is the lower-case name of a field in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		name = f.Name
	}
	return strings.ToLower(name)
}

// enumerations are keys whose values are words of a list.
var enumerations = set(`schema change type severity confidence status outcome owner direction scheme kind class stage format encoding`)

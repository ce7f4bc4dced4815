// Package fact is what was seen: typed observations, each with its origin.
//
// Live stages, log and bundle readers, directory exports and answers of people
// all write the same facts, so one set of rules judges them all. A fact never
// holds an error or raw bytes a rule would have to parse: everything here
// round-trips through JSON (see Encode), so recorded facts give the same
// verdict later.
package fact

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"sort"
	"sync"
)

// Name names a fact, for example "dns" or "adfs.mex".
type Name string

// Key is the typed handle of a fact. Keys are declared in keys.go, a line each.
type Key[T any] struct{ name Name }

// NewKey declares a fact. A name belongs to one type: reading a value through
// a key of the same name and another type panics. Names of an importer's own
// facts start with a word of the importer's, such as "acme.inventory".
func NewKey[T any](name Name) Key[T] { return Key[T]{name} }

// Name returns the fact's name, as rules list it in Reads.
func (k Key[T]) Name() Name { return k.name }

type entry struct {
	origin Origin
	value  any
}

// Facts is the blackboard. It is safe for concurrent use. The zero value is
// not usable; call New.
type Facts struct {
	store *store
	seen  func(Name)
}

type store struct {
	mu      sync.RWMutex
	m       map[Name][]entry
	derived map[string]any // by what Derived was asked for; emptied by put
	changes int            // counts what was put
}

// New returns an empty blackboard.
func New() *Facts { return &Facts{store: &store{m: map[Name][]entry{}}} }

// Observed returns a view of the same facts that tells seen about each name a
// reader asks for. Tests hold rules to the names they declare with it.
func (f *Facts) Observed(seen func(Name)) *Facts { return &Facts{store: f.store, seen: seen} }

// Put records a value. A second value of the same origin kind and place
// replaces the first, as a stage sees more; one of another origin is added, so
// that vantage points can be compared.
func Put[T any](f *Facts, k Key[T], v T, o Origin) {
	f.store.put(k.name, v, o)
}

func (s *store) put(name Name, v any, o Origin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	clear(s.derived)
	list := s.m[name]
	for i := range list {
		if list[i].origin.same(o) {
			list[i] = entry{o, v}
			return
		}
	}
	list = append(list, entry{o, v})
	order := func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.origin.rank(), b.origin.rank()),
			cmp.Compare(a.origin.Where, b.origin.Where), cmp.Compare(a.origin.Line, b.origin.Line))
	}
	sort.SliceStable(list, func(i, j int) bool { return order(list[i], list[j]) < 0 })
	s.m[name] = list
}

// Copy puts every fact of from into to, with its origin.
func Copy(to, from *Facts) {
	from.store.mu.RLock()
	all := maps.Clone(from.store.m)
	for name, list := range all {
		all[name] = slices.Clone(list)
	}
	from.store.mu.RUnlock()
	for name, list := range all {
		for _, e := range list {
			to.store.put(name, e.value, e.origin)
		}
	}
}

func (f *Facts) list(name Name) []entry {
	if f.seen != nil {
		f.seen(name)
	}
	f.store.mu.RLock()
	defer f.store.mu.RUnlock()
	return slices.Clone(f.store.m[name])
}

// Get returns the most authoritative observation: live (or lab), then log,
// bundle, directory, interview.
func Get[T any](f *Facts, k Key[T]) (T, Origin, bool) {
	for _, e := range f.list(k.name) {
		return e.value.(T), e.origin, true
	}
	var zero T
	return zero, Origin{}, false
}

// All yields every observation of a fact, the most authoritative first.
func All[T any](f *Facts, k Key[T]) iter.Seq2[Origin, T] {
	list := f.list(k.name)
	return func(yield func(Origin, T) bool) {
		for _, e := range list {
			if !yield(e.origin, e.value.(T)) {
				return
			}
		}
	}
}

// Has reports whether anything is known under a name.
func (f *Facts) Has(name Name) bool { return len(f.list(name)) > 0 }

// Derived returns what compute makes of the facts, and the same value again until
// a fact is put. name stands for compute; readers must not change the value. A
// view of Observed computes each time, so that it sees what is read.
func Derived[T any](f *Facts, name string, compute func(*Facts) T) T {
	if f.seen != nil {
		return compute(f)
	}
	s := f.store
	s.mu.RLock()
	known, ok := s.derived[name]
	changes := s.changes
	s.mu.RUnlock()
	if ok {
		return known.(T)
	}
	v := compute(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == changes {
		if s.derived == nil {
			s.derived = map[string]any{}
		}
		s.derived[name] = v
	}
	return v
}

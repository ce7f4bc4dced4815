// Package archtest holds the rules of docs/architecture.md that a compiler
// does not check, as data, and the tests that hold every package to them. It
// has no code besides.
package archtest

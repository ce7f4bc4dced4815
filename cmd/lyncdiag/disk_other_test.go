//go:build !linux

package main

import "testing"

func smallDisk(*testing.T) string { return "" }

package proxy

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows/registry"
)

const settingsKey = `Software\Microsoft\Windows\CurrentVersion\Internet Settings`

// fromWindows reads what Lync goes by, and what services do.
func fromWindows() ([]Setting, error) {
	var list []Setting
	var errs []error
	for _, read := range []func() (Setting, error){winINET, winHTTP} {
		s, err := read()
		if err != nil {
			errs = append(errs, fmt.Errorf("proxy: read %s: %w", s.Source, err))
		}
		if s.Set() {
			list = append(list, s)
		}
	}
	return list, errors.Join(errs...)
}

func winINET() (Setting, error) {
	none := Setting{Source: WinINET}
	key, err := registry.OpenKey(registry.CURRENT_USER, settingsKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	defer key.Close()
	// Absent values are empty ones.
	server, _, _ := key.GetStringValue("ProxyServer")
	bypass, _, _ := key.GetStringValue("ProxyOverride")
	pac, _, _ := key.GetStringValue("AutoConfigURL")
	enabled, _, _ := key.GetIntegerValue("ProxyEnable")
	var flags uint32
	if enabled != 0 {
		flags |= useProxy
	}
	if pac != "" {
		flags |= usePAC
	}
	if connection, err := registry.OpenKey(registry.CURRENT_USER, settingsKey+`\Connections`, registry.QUERY_VALUE); err == nil {
		defer connection.Close()
		if b, _, err := connection.GetBinaryValue("DefaultConnectionSettings"); err == nil {
			if _, _, _, f, err := parseConnection(b); err == nil {
				flags |= f & useDetect
			}
		}
	}
	return newConnection(WinINET, server, bypass, pac, flags)
}

func winHTTP() (Setting, error) {
	none := Setting{Source: WinHTTP}
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, settingsKey+`\Connections`, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	defer key.Close()
	b, _, err := key.GetBinaryValue("WinHttpSettings")
	if errors.Is(err, registry.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	server, bypass, pac, flags, err := parseConnection(b)
	if err != nil {
		return none, err
	}
	return newConnection(WinHTTP, server, bypass, pac, flags)
}

package collect

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/windows/registry"
)

// TraceLevels are those of the clients on this computer: Lync 2013 and Skype for
// Business have a level, Lync 2010 a switch (KB 2604292).
func TraceLevels() ([]TraceLevel, error) {
	var list []TraceLevel
	for _, c := range []struct {
		client, key, value, full string
		number                   bool
	}{
		{"Lync 2010", `Software\Microsoft\Communicator`, "EnableTracing", "1", true},
		{"Lync 2013", `Software\Microsoft\Office\15.0\Lync`, "TracingLevel", "Full", false},
		{"Skype for Business 2016", `Software\Microsoft\Office\16.0\Lync`, "TracingLevel", "Full", false},
	} {
		key, err := registry.OpenKey(registry.CURRENT_USER, c.key, registry.QUERY_VALUE)
		if errors.Is(err, registry.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read HKEY_CURRENT_USER\\%s: %w", c.key, err)
		}
		l := TraceLevel{Client: c.client, Setting: `HKEY_CURRENT_USER\` + c.key + `\` + c.value, Full: c.full}
		if c.number {
			if n, _, err := key.GetIntegerValue(c.value); err == nil {
				l.Now = strconv.FormatUint(n, 10)
			}
		} else if text, _, err := key.GetStringValue(c.value); err == nil {
			l.Now = text
		}
		key.Close()
		l.Set = func(value string) error {
			key, err := registry.OpenKey(registry.CURRENT_USER, c.key, registry.SET_VALUE)
			if err != nil {
				return err
			}
			defer key.Close()
			switch {
			case value == "":
				if err := key.DeleteValue(c.value); !errors.Is(err, registry.ErrNotExist) {
					return err
				}
				return nil
			case c.number:
				n, err := strconv.ParseUint(value, 10, 32)
				if err != nil {
					return err
				}
				return key.SetDWordValue(c.value, uint32(n))
			}
			return key.SetStringValue(c.value, value)
		}
		list = append(list, l)
	}
	if len(list) == 0 {
		return nil, errors.New("no settings of a Lync client are in this user's registry")
	}
	return list, nil
}

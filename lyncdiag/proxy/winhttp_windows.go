package proxy

import (
	"errors"
	"fmt"
	"net/url"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	winhttp               = windows.NewLazySystemDLL("winhttp.dll")
	winHTTPOpen           = winhttp.NewProc("WinHttpOpen")
	winHTTPCloseHandle    = winhttp.NewProc("WinHttpCloseHandle")
	winHTTPGetProxyForURL = winhttp.NewProc("WinHttpGetProxyForUrl")
	globalFree            = windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalFree")
)

// autoProxyOptions is WINHTTP_AUTOPROXY_OPTIONS.
type autoProxyOptions struct {
	flags            uint32
	autoDetectFlags  uint32
	autoConfigURL    *uint16
	reserved         uintptr
	reservedNumber   uint32
	autoLogonIfAsked int32
}

// proxyInfo is WINHTTP_PROXY_INFO. Its texts are on the global heap.
type proxyInfo struct {
	accessType  uint32
	proxy       *uint16
	proxyBypass *uint16
}

const (
	accessNoProxy       = 1 // WINHTTP_ACCESS_TYPE_NO_PROXY, of a session and of an answer
	accessNamedProxy    = 3
	autoProxyAutoDetect = 1
	autoProxyConfigURL  = 2
	detectDHCP          = 1
	detectDNS           = 2

	errAutoDetectFailed = windows.Errno(12180) // ERROR_WINHTTP_AUTODETECTION_FAILED
)

// Evaluate has WinHTTP run the setting's script for a URL, which is the one
// evaluator there is on Windows: nil and no error is a direct connection.
func (s Setting) Evaluate(address string) (*url.URL, error) {
	if s.PAC == "" && !s.AutoDetect {
		return nil, errors.New("proxy: the setting names no script")
	}
	if err := winHTTPGetProxyForURL.Find(); err != nil {
		return nil, fmt.Errorf("proxy: find WinHTTP: %w", err)
	}
	target, err := windows.UTF16PtrFromString(address)
	if err != nil {
		return nil, fmt.Errorf("proxy: read address: %w", err)
	}
	options := autoProxyOptions{autoLogonIfAsked: 1}
	if s.AutoDetect {
		options.flags |= autoProxyAutoDetect
		options.autoDetectFlags = detectDHCP | detectDNS
	}
	if s.PAC != "" {
		options.flags |= autoProxyConfigURL
		if options.autoConfigURL, err = windows.UTF16PtrFromString(s.PAC); err != nil {
			return nil, fmt.Errorf("proxy: read PAC address: %w", err)
		}
	}
	agent, err := windows.UTF16PtrFromString("lyncdiag")
	if err != nil {
		return nil, err
	}
	session, _, failed := winHTTPOpen.Call(uintptr(unsafe.Pointer(agent)), accessNoProxy, 0, 0, 0)
	if session == 0 {
		return nil, fmt.Errorf("proxy: open WinHTTP: %w", failed)
	}
	defer winHTTPCloseHandle.Call(session)
	var info proxyInfo
	done, _, failed := winHTTPGetProxyForURL.Call(session, uintptr(unsafe.Pointer(target)), uintptr(unsafe.Pointer(&options)), uintptr(unsafe.Pointer(&info)))
	if done == 0 && errors.Is(failed, errAutoDetectFailed) && s.PAC == "" {
		return nil, ErrNoScript
	}
	if done == 0 {
		return nil, fmt.Errorf("proxy: evaluate script: %w", failed)
	}
	for _, text := range []*uint16{info.proxy, info.proxyBypass} {
		if text != nil {
			defer globalFree.Call(uintptr(unsafe.Pointer(text)))
		}
	}
	if info.accessType != accessNamedProxy || info.proxy == nil {
		return nil, nil
	}
	first := forHTTPS(windows.UTF16PtrToString(info.proxy))
	if first == "" {
		return nil, nil
	}
	u, err := Parse(first)
	if err != nil {
		return nil, fmt.Errorf("proxy: read the script's answer: %w", err)
	}
	return u, nil
}

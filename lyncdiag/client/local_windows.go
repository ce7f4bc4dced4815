package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// Local is this computer, as the user sees it who runs the program.
func Local() (*Computer, error) {
	c := &Computer{registry: liveRegistry{}, profile: liveProfile{}}
	c.noted.At = time.Now().UTC().Truncate(time.Millisecond)
	c.noteServices()
	c.noteProcesses()
	c.noteCredentials()
	return c, nil
}

// liveRegistry is this computer's registry, in its 64-bit view.
type liveRegistry struct{}

var roots = map[string]registry.Key{
	"HKEY_LOCAL_MACHINE": registry.LOCAL_MACHINE, "HKEY_CURRENT_USER": registry.CURRENT_USER, "HKEY_USERS": registry.USERS,
}

func (liveRegistry) read(path string) (*key, error) {
	hive, rest, _ := strings.Cut(path, `\`)
	opened, err := registry.OpenKey(roots[hive], rest, registry.QUERY_VALUE|registry.ENUMERATE_SUB_KEYS|registry.WOW64_64KEY)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	k := &key{}
	names, err := opened.ReadValueNames(-1)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		size, kind, err := opened.GetValue(name, nil)
		if err != nil || size > maxRegLine {
			continue
		}
		b := make([]byte, size)
		if size, kind, err = opened.GetValue(name, b); err == nil {
			k.values = append(k.values, value{name, kind, b[:size]})
		}
	}
	k.subkeys, err = opened.ReadSubKeyNames(-1)
	return k, err
}

// liveProfile is the user's profile. AppData may lie elsewhere, on a server too.
type liveProfile struct{}

func (liveProfile) Open(name string) (fs.File, error) {
	place, err := profilePlace(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	// A link in the place of a folder or a file is not followed.
	if info, err := os.Lstat(place); err == nil && info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is a link")}
	}
	return os.Open(place)
}

// profilePlace is where a path of the profile is on this computer.
func profilePlace(name string) (string, error) {
	name = path.Clean(name)
	for _, r := range [][2]string{{"AppData/Local", "LOCALAPPDATA"}, {"AppData/Roaming", "APPDATA"}, {".", "USERPROFILE"}} {
		rest, below := name, r[0] == "."
		if !below {
			rest, below = strings.CutPrefix(name, r[0])
			below = below && (rest == "" || rest[0] == '/')
		}
		if !below {
			continue
		}
		root := os.Getenv(r[1])
		if root == "" {
			return "", fmt.Errorf("%s is not set", r[1])
		}
		return filepath.Join(root, filepath.FromSlash(rest)), nil
	}
	return "", fs.ErrInvalid
}

func (c *Computer) noteServices() {
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		c.gap("services", err)
		return
	}
	defer windows.CloseServiceHandle(manager)
	c.noted.ServicesRead = true
	for _, name := range []string{"msoidsvc", "W32Time"} {
		wide, err := windows.UTF16PtrFromString(name)
		if err != nil {
			continue
		}
		handle, err := windows.OpenService(manager, wide, windows.SERVICE_QUERY_STATUS)
		if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
			c.noted.Services = append(c.noted.Services, service{name, "missing"})
			continue
		}
		if err != nil {
			c.gap("service "+name, err)
			continue
		}
		var status windows.SERVICE_STATUS
		err = windows.QueryServiceStatus(handle, &status)
		windows.CloseServiceHandle(handle)
		switch {
		case err != nil:
			c.gap("service "+name, err)
		case status.CurrentState == windows.SERVICE_RUNNING:
			c.noted.Services = append(c.noted.Services, service{name, "running"})
		default:
			c.noted.Services = append(c.noted.Services, service{name, "stopped"})
		}
	}
}

// noteProcesses looks for clients that run, of every user whose processes are shown.
func (c *Computer) noteProcesses() {
	list, err := clientProcesses()
	if err != nil {
		c.gap("processes", err)
		return
	}
	c.noted.Processes, c.noted.ProcessesRead = list, true
}

func clientProcesses() ([]string, error) {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(snapshot)
	list := []string{}
	var own uint32
	windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &own)
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		name := strings.ToLower(windows.UTF16ToString(entry.ExeFile[:]))
		if name != "communicator.exe" && name != "lync.exe" {
			continue
		}
		// On a terminal server the clients of others are theirs.
		var session uint32
		if err := windows.ProcessIdToSessionId(entry.ProcessID, &session); err == nil && session != own {
			continue
		}
		list = append(list, name)
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return nil, err
	}
	return list, nil
}

// credential is the beginning of Windows' CREDENTIALW.
type credential struct {
	flags, kind uint32
	target      *uint16
}

var (
	advapi         = windows.NewLazySystemDLL("advapi32.dll")
	credEnumerate  = advapi.NewProc("CredEnumerateW")
	credDelete     = advapi.NewProc("CredDeleteW")
	credFree       = advapi.NewProc("CredFree")
	maxCredentials = 10_000
)

// readCredentials are the targets of Lync's and Office's entries of Credential Manager;
// their secrets are not looked at.
func readCredentials(found func(target string, kind uint32)) error {
	if err := credEnumerate.Find(); err != nil {
		return err
	}
	var count uint32
	var list **credential
	ok, _, err := credEnumerate.Call(0, 0, uintptr(unsafe.Pointer(&count)), uintptr(unsafe.Pointer(&list)))
	if ok == 0 {
		if errors.Is(err, windows.ERROR_NOT_FOUND) {
			return nil
		}
		return err
	}
	defer credFree.Call(uintptr(unsafe.Pointer(list)))
	for _, x := range unsafe.Slice(list, min(int(count), maxCredentials)) {
		if target := windows.UTF16PtrToString(x.target); ofLync(target) {
			found(target, x.kind)
		}
	}
	return nil
}

func (c *Computer) noteCredentials() {
	err := readCredentials(func(target string, _ uint32) { c.noted.Credentials = append(c.noted.Credentials, target) })
	if err != nil {
		c.gap("Credential Manager", err)
		return
	}
	c.noted.CredentialsRead = true
}

// fileVersion is the version in a program's resources, "" where it cannot be read.
func fileVersion(name string) string {
	size, err := windows.GetFileVersionInfoSize(name, nil)
	if err != nil || size == 0 {
		return ""
	}
	b := make([]byte, size)
	if err := windows.GetFileVersionInfo(name, 0, size, unsafe.Pointer(&b[0])); err != nil {
		return ""
	}
	var fixed *windows.VS_FIXEDFILEINFO
	length := uint32(unsafe.Sizeof(*fixed))
	if err := windows.VerQueryValue(unsafe.Pointer(&b[0]), `\`, unsafe.Pointer(&fixed), &length); err != nil || fixed == nil {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%d", fixed.FileVersionMS>>16, fixed.FileVersionMS&0xffff, fixed.FileVersionLS>>16, fixed.FileVersionLS&0xffff)
}

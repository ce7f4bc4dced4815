package client

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
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
	c := &Computer{registry: liveRegistry{}, profile: liveProfile{}, system: liveSystem{}}
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
			k.partial = true
			continue
		}
		b := make([]byte, size)
		if size, kind, err = opened.GetValue(name, b); err != nil {
			k.partial = true
			continue
		}
		k.values = append(k.values, value{name, kind, b[:size]})
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
	root, rest, err := liveSystem{}.place(name)
	return filepath.Join(root, filepath.FromSlash(rest)), err
}

// liveSystem is this computer as a reset changes it.
type liveSystem struct{}

func (liveSystem) place(name string) (root, rest string, err error) {
	name = path.Clean(name)
	for _, r := range [][2]string{{"AppData/Local", "LOCALAPPDATA"}, {"AppData/Roaming", "APPDATA"}, {"", "USERPROFILE"}} {
		rest, below := strings.CutPrefix(name, r[0])
		if !below || r[0] != "" && rest != "" && rest[0] != '/' {
			continue
		}
		root := os.Getenv(r[1])
		if root == "" {
			return "", "", fmt.Errorf("%s is not set", r[1])
		}
		return root, strings.TrimPrefix(rest, "/"), nil
	}
	return "", "", fs.ErrInvalid
}

func (liveSystem) processes() ([]string, error) { return clientProcesses() }

// deleteKey deletes a key with what lies below it.
func (s liveSystem) deleteKey(path string) error {
	k, err := liveRegistry{}.read(path)
	if err != nil {
		return err
	}
	for _, sub := range k.subkeys {
		if err := s.deleteKey(path + `\` + sub); err != nil {
			return err
		}
	}
	hive, rest, _ := strings.Cut(path, `\`)
	return registry.DeleteKey(roots[hive], rest)
}

// withCertificate finds a certificate of the user's personal store.
func withCertificate(thumbprint string, do func(*windows.CertContext) error) error {
	name, err := windows.UTF16PtrFromString("MY")
	if err != nil {
		return err
	}
	store, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0, windows.CERT_SYSTEM_STORE_CURRENT_USER|windows.CERT_STORE_OPEN_EXISTING_FLAG, uintptr(unsafe.Pointer(name)))
	if err != nil {
		return err
	}
	defer windows.CertCloseStore(store, 0)
	var cert *windows.CertContext
	for {
		if cert, err = windows.CertEnumCertificatesInStore(store, cert); err != nil || cert == nil {
			return errors.New("the user's store does not hold it any more")
		}
		if sum := sha1.Sum(unsafe.Slice(cert.EncodedCert, cert.Length)); strings.EqualFold(hex.EncodeToString(sum[:]), thumbprint) {
			return do(cert)
		}
	}
}

func (liveSystem) certificate(thumbprint string) (der []byte, err error) {
	err = withCertificate(thumbprint, func(cert *windows.CertContext) error {
		der = bytes.Clone(unsafe.Slice(cert.EncodedCert, cert.Length))
		return windows.CertFreeCertificateContext(cert)
	})
	return der, err
}

func (liveSystem) deleteCertificate(thumbprint string) error {
	return withCertificate(thumbprint, windows.CertDeleteCertificateFromStore) // which frees it, too
}

func (liveSystem) deleteCredential(target string) error {
	var errs []error
	found := false
	err := readCredentials(func(name string, kind uint32) {
		if name != target {
			return
		}
		found = true
		wide, err := windows.UTF16PtrFromString(name)
		if err != nil {
			errs = append(errs, err)
		} else if ok, _, err := credDelete.Call(uintptr(unsafe.Pointer(wide)), uintptr(kind), 0); ok == 0 {
			errs = append(errs, err)
		}
	})
	if err == nil && !found {
		err = errors.New("Credential Manager does not hold it any more")
	}
	return errors.Join(append(errs, err)...)
}

func (liveSystem) flushDNS() error {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return err
	}
	out, err := exec.Command(filepath.Join(system, "ipconfig.exe"), "/flushdns").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ipconfig /flushdns: %w: %s", err, strings.Join(strings.Fields(string(out)), " "))
	}
	return nil
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

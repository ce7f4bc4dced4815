package client

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The kinds of what a reset deletes, each with the article that says so.
const (
	EndpointCache   = "endpoint-cache"   // EndpointConfiguration.cache alone (KB 2698626)
	SignInFolder    = "sign-in-folder"   // with the cache in it (KB 2604176)
	RegistryKey     = "registry"         // the account's key below the client's
	AccountProfiles = "account-profiles" // AccountProfiles.dat, which is of all accounts
	Certificate     = "certificate"      // of Communications Server (KB 2604176)
	Credential      = "credential"       // "Remove from Vault" (KB 2604176)
	DNSCache        = "dns-cache"        // ipconfig /flushdns (KB 2604176)
)

var sources = map[string]string{
	EndpointCache: "KB2698626", SignInFolder: "KB2604176", RegistryKey: "KB2541980", AccountProfiles: "KB2541980",
	Certificate: "KB2604176", Credential: "KB2604176", DNSCache: "KB2604176",
}

// Kinds are those that a reset deletes unless told otherwise: all, with the cache as
// part of its folder.
func Kinds() []string {
	return []string{SignInFolder, RegistryKey, AccountProfiles, Certificate, Credential, DNSCache}
}

// Item is one thing that a reset deletes.
type Item struct {
	Kind   string
	Place  string // a path below the profile with slashes, a key, a thumbprint, a target
	Source string // the article
	Files  int
	Bytes  int64
	Status string // planned, deleted, failed, kept
	Detail string // why it failed or was kept; what else is to be known
}

// Reset is what is saved of one address, and what became of it.
type Reset struct {
	Address string
	Items   []Item
	Running []string // clients that run, which keeps a reset from being done
	Backup  string   // folder of the copies; "" for none
}

// Whole reports whether nothing is left of what was planned.
func (r *Reset) Whole() bool {
	return !slices.ContainsFunc(r.Items, func(i Item) bool { return i.Status != "deleted" })
}

// Plan lists what a reset of an address deletes. kinds are some of those above; nil
// are those of Kinds. The error says that a kind is none of them.
func (c *Computer) Plan(address string, kinds []string) (*Reset, error) {
	if kinds == nil {
		kinds = Kinds()
	}
	for _, k := range kinds {
		if sources[k] == "" {
			return nil, fmt.Errorf("client: plan reset: %q is none of %s, %s", k, EndpointCache, strings.Join(Kinds(), ", "))
		}
	}
	r := &Reset{Address: address, Running: c.noted.Processes}
	add := func(i Item) {
		if slices.Contains(kinds, i.Kind) && !slices.ContainsFunc(r.Items, func(o Item) bool { return o.Kind == i.Kind && o.Place == i.Place }) {
			i.Source, i.Status = sources[i.Kind], "planned"
			r.Items = append(r.Items, i)
		}
	}
	x := c.Inspect()
	for _, a := range x.Accounts {
		if !strings.EqualFold(a.Address, address) {
			continue
		}
		if a.Folder != "" {
			files, bytes := c.weigh(a.Folder, 0)
			add(Item{Kind: SignInFolder, Place: a.Folder, Files: files, Bytes: bytes})
		}
		if !a.CacheAt.IsZero() && !slices.Contains(kinds, SignInFolder) {
			add(Item{Kind: EndpointCache, Place: a.Folder + "/" + cacheName, Files: 1})
		}
		if a.Registry != "" {
			add(Item{Kind: RegistryKey, Place: a.Registry})
		}
		for _, g := range generations {
			list, _ := c.dir(cmp.Or(g.roaming, "-"))
			for _, f := range list {
				if g.name == a.Generation && strings.EqualFold(f.Name(), "AccountProfiles.dat") && f.Mode().IsRegular() {
					add(Item{Kind: AccountProfiles, Place: g.roaming + "/" + f.Name(), Files: 1, Bytes: f.Size(), Detail: "it is of all accounts of this client"})
				}
			}
		}
	}
	for _, cert := range x.Certificates {
		if strings.Contains(cert.Issuer, "CN="+issuerName) && strings.EqualFold(strings.TrimPrefix(commonName(cert.Subject), "sip:"), address) {
			add(Item{Kind: Certificate, Place: cert.Thumbprint, Detail: "issued by " + cert.Issuer})
		}
	}
	for _, target := range x.Credentials {
		if strings.HasPrefix(strings.ToLower(target), "microsoft_oc1:uri="+strings.ToLower(address)+":") {
			add(Item{Kind: Credential, Place: target})
		}
	}
	add(Item{Kind: DNSCache, Place: "the DNS cache of Windows"})
	return r, nil
}

func commonName(name string) string {
	for part := range strings.SplitSeq(name, ",") {
		if rest, ok := strings.CutPrefix(part, "CN="); ok {
			return rest
		}
	}
	return name
}

const maxDepth = 32

// weigh counts the files of a folder of the profile. Links are files.
func (c *Computer) weigh(folder string, depth int) (files int, bytes int64) {
	list, _ := c.dir(folder)
	for _, f := range list {
		if !f.IsDir() || isLink(f) || depth > maxDepth {
			files++
			bytes += f.Size()
			continue
		}
		n, size := c.weigh(folder+"/"+f.Name(), depth+1)
		files, bytes = files+n, bytes+size
	}
	return files, bytes
}

// isLink tells links and junctions, which Go calls irregular.
func isLink(f fs.FileInfo) bool { return f.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0 }

// system is what a reset changes besides files.
type system interface {
	// place is the folder that a path of the profile lies in, and the rest of the path.
	place(name string) (root, rest string, err error)
	processes() ([]string, error)
	deleteKey(path string) error
	certificate(thumbprint string) ([]byte, error)
	deleteCertificate(thumbprint string) error
	deleteCredential(target string) error
	flushDNS() error
}

// ErrRunning is the error of a reset while a client runs.
var ErrRunning = errors.New("client: reset: the client runs; exit it first (File > Exit; closing the window is not enough)")

// Apply deletes what a plan lists, on this computer. Copies of files, keys and
// certificates go to the folder backup first; "" makes none. What cannot be copied is
// not deleted. Passwords are not copied, nor are the keys of certificates. Links
// and junctions are removed and not followed. Each item says what became of it, and
// an item that failed does not keep the others; r.Whole tells whether all went well. The
// error says that nothing was touched: ErrRunning, or what an export is.
func (c *Computer) Apply(r *Reset, backup string) error {
	sys := c.system
	if c.where != "" || sys == nil {
		return errors.New("client: reset: an export is not changed")
	}
	running, err := sys.processes()
	if err != nil {
		return fmt.Errorf("client: reset: whether the client runs is not known: %w", err)
	}
	if r.Running = running; len(running) > 0 {
		for i := range r.Items {
			r.Items[i].Status = "kept"
		}
		return ErrRunning
	}
	var to *os.Root
	if backup != "" {
		if err := os.MkdirAll(backup, 0o700); err != nil {
			return fmt.Errorf("client: reset: write backup: %w", err)
		}
		for _, item := range r.Items {
			if item.Kind == SignInFolder && lies(sys, backup, item.Place) {
				return fmt.Errorf("client: reset: write backup: %s lies in %s, which is to be deleted; name another folder", backup, item.Place)
			}
		}
		if to, err = os.OpenRoot(backup); err != nil {
			return fmt.Errorf("client: reset: write backup: %w", err)
		}
		defer to.Close()
		r.Backup = backup
	}
	for i := range r.Items {
		item := &r.Items[i]
		if err := c.delete(sys, item, to); err != nil {
			item.Status, item.Detail = "failed", oneLine(err)
			continue
		}
		item.Status = "deleted"
	}
	return nil
}

// lies reports whether a folder is one of the profile, or lies below it.
func lies(sys system, folder, place string) bool {
	root, rest, err := sys.place(place)
	if err != nil {
		return false
	}
	above, err := os.Stat(filepath.Join(root, filepath.FromSlash(rest)))
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return false
	}
	for {
		if info, err := os.Stat(folder); err == nil && os.SameFile(info, above) {
			return true
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return false
		}
		folder = parent
	}
}

// oneLine joins the errors of several files.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func (c *Computer) delete(sys system, item *Item, backup *os.Root) error {
	switch item.Kind {
	case SignInFolder, EndpointCache, AccountProfiles:
		root, rest, err := sys.place(item.Place)
		if err != nil {
			return err
		}
		return deleteTree(root, rest, backup, path.Join(profileName, item.Place))
	case RegistryKey:
		if backup != nil {
			k, err := c.registry.read(item.Place)
			if err != nil {
				return err
			}
			var w strings.Builder
			w.WriteString(regHeader + "\r\n")
			if err := c.writeKeys(&w, item.Place, k, 0); err != nil {
				return err
			}
			if err := save(backup, fileName(item.Place)+".reg", utf16Text(w.String())); err != nil {
				return err
			}
		}
		return sys.deleteKey(item.Place)
	case Certificate:
		if backup != nil {
			der, err := sys.certificate(item.Place)
			if err != nil {
				return err
			}
			if err := save(backup, item.Place+".cer", der); err != nil {
				return err
			}
		}
		return sys.deleteCertificate(item.Place)
	case Credential:
		return sys.deleteCredential(item.Place)
	case DNSCache:
		return sys.flushDNS()
	}
	return fmt.Errorf("%q is no kind", item.Kind)
}

// writeKeys writes a key and what lies below it: all of it, or it is an error.
func (c *Computer) writeKeys(w *strings.Builder, at string, k *key, depth int) error {
	if k.partial {
		return fmt.Errorf("%s has a value that cannot be read or is too long", at)
	}
	if depth > maxDepth {
		return fmt.Errorf("%s lies too deep", at)
	}
	writeReg(w, at, k)
	for _, sub := range k.subkeys {
		below, err := c.registry.read(at + `\` + sub)
		if err != nil {
			return fmt.Errorf("%s\\%s: %w", at, sub, err)
		}
		if err := c.writeKeys(w, at+`\`+sub, below, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func fileName(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`\/:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, text)
}

func save(to *os.Root, name string, b []byte) error {
	return create(to, name, func(file *os.File) error {
		_, err := file.Write(b)
		return err
	})
}

// create writes a new file of a backup; one that is there is of an earlier reset.
func create(to *os.Root, name string, write func(*os.File) error) error {
	name = filepath.FromSlash(name)
	err := to.MkdirAll(filepath.Dir(name), 0o700)
	if err != nil {
		return fmt.Errorf("write backup: %w", plainly(err))
	}
	file, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write backup: %w", plainly(err))
	}
	err = write(file)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write backup: %w", plainly(err))
	}
	return nil
}

// deleteTree deletes a file or folder below root, of which no part may be a link: a
// junction would lead out of the documented places.
func deleteTree(place, rest string, backup *os.Root, name string) error {
	root, err := os.OpenRoot(place)
	if err != nil {
		return plainly(err)
	}
	defer root.Close()
	part := ""
	for piece := range strings.SplitSeq(rest, "/") {
		part = filepath.Join(part, piece)
		info, err := root.Lstat(part)
		if err != nil {
			return plainly(err)
		}
		if isLink(info) {
			return fmt.Errorf("%s is a link; look where it leads, and delete it yourself", filepath.ToSlash(part))
		}
	}
	return deleteBelow(root, part, backup, name, 0)
}

func deleteBelow(root *os.Root, at string, backup *os.Root, name string, depth int) error {
	info, err := root.Lstat(at)
	if err != nil {
		return told(name, err)
	}
	if !info.IsDir() || isLink(info) {
		if info.Mode().IsRegular() && backup != nil {
			if err := copyFile(root, at, backup, name); err != nil {
				return told(name, err)
			}
		}
		if err := root.Remove(at); err != nil {
			return told(name, err)
		}
		return nil
	}
	if depth > maxDepth {
		return told(name, errors.New("it lies too deep"))
	}
	folder, err := root.Open(at)
	if err != nil {
		return told(name, err)
	}
	names, err := folder.Readdirnames(-1)
	folder.Close()
	var errs []error
	if err != nil {
		errs = append(errs, told(name, err))
	}
	for _, n := range names {
		if err := deleteBelow(root, filepath.Join(at, n), backup, name+"/"+n, depth+1); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		if err := root.Remove(at); err != nil {
			errs = append(errs, told(name, err))
		}
	}
	return errors.Join(errs...)
}

func told(name string, err error) error { return fmt.Errorf("%s: %w", name, plainly(err)) }

func copyFile(root *os.Root, at string, backup *os.Root, name string) error {
	from, err := root.Open(at)
	if err != nil {
		return err
	}
	defer from.Close()
	return create(backup, name, func(to *os.File) error {
		_, err := to.ReadFrom(from)
		return err
	})
}

// BackupFolder is where the copies of a reset at a time go by default: a new folder
// beside the user's local data.
func BackupFolder(at time.Time) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("client: name backup: %w", err)
	}
	return filepath.Join(cache, "lyncdiag", "reset-"+at.UTC().Format("20060102-150405")), nil
}

package bundle

import (
	"os"
	"syscall"
)

// openShared opens a file that others go on to write, and may rename: os.Open would
// keep Lync from rotating its log for as long as it is followed.
func openShared(name string) (*os.File, error) {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	handle, err := syscall.CreateFile(path, syscall.GENERIC_READ, syscall.FILE_SHARE_READ|syscall.FILE_SHARE_WRITE|syscall.FILE_SHARE_DELETE,
		nil, syscall.OPEN_EXISTING, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return os.Open(name) // which knows long paths, and words the error
	}
	return os.NewFile(uintptr(handle), name), nil
}

// Command console runs a program in a Windows console of its own that has no
// window. It is what the tests under wine sit in front of.
//
//	console [-codepage N] PROGRAM ARG...             prints what the screen shows
//	console -interrupt TEXT PROGRAM ARG...           presses Ctrl-C when stderr has TEXT
//
// The exit code is the program's.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf16"
	"unsafe"
)

var (
	kernel                     = syscall.NewLazyDLL("kernel32.dll")
	setConsoleCP               = kernel.NewProc("SetConsoleCP")
	setConsoleOutputCP         = kernel.NewProc("SetConsoleOutputCP")
	setConsoleScreenBufferSize = kernel.NewProc("SetConsoleScreenBufferSize")
	getConsoleScreenBufferInfo = kernel.NewProc("GetConsoleScreenBufferInfo")
	readConsoleOutputCharacter = kernel.NewProc("ReadConsoleOutputCharacterW")
	generateConsoleCtrlEvent   = kernel.NewProc("GenerateConsoleCtrlEvent")
)

// inside tells the process in the new console from the one that made it.
const inside = "LYNCDIAG_CONSOLE_INSIDE"

func main() {
	codePage := flag.Uint("codepage", 437, "code page of the console")
	interrupt := flag.String("interrupt", "", "press Ctrl-C when the program's standard error has `TEXT`; standard output is no console then")
	flag.Parse()
	err := again()
	if os.Getenv(inside) != "" {
		program := exec.Command(flag.Arg(0), flag.Args()[1:]...)
		if *interrupt != "" {
			err = pressCtrlC(program, *interrupt)
		} else {
			err = show(program, *codePage)
		}
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "console:", err)
		os.Exit(99)
	}
}

// again runs this program in a new console.
func again() error {
	if os.Getenv(inside) != "" {
		return nil
	}
	const createNoWindow = 0x08000000
	self := exec.Command(os.Args[0], os.Args[1:]...)
	self.Env = append(os.Environ(), inside+"=1")
	self.Stdout, self.Stderr = os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{CreationFlags: createNoWindow}
	return self.Run()
}

func pressCtrlC(program *exec.Cmd, text string) error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // it goes to all in the console
	program.Stdout = os.Stdout
	said, err := program.StderrPipe()
	if err != nil {
		return err
	}
	if err := program.Start(); err != nil {
		return err
	}
	var failed error
	lines, pressed := bufio.NewScanner(said), false
	for lines.Scan() {
		fmt.Fprintln(os.Stderr, lines.Text())
		if !pressed && strings.Contains(lines.Text(), text) {
			pressed = true
			failed = call(generateConsoleCtrlEvent, syscall.CTRL_C_EVENT, 0)
		}
	}
	return errors.Join(failed, lines.Err(), program.Wait())
}

// coord is Windows' COORD: columns and rows.
type coord struct{ x, y int16 }

func (c coord) arg() uintptr { return uintptr(uint16(c.x)) | uintptr(uint16(c.y))<<16 }

func show(program *exec.Cmd, codePage uint) error {
	for _, set := range []*syscall.LazyProc{setConsoleCP, setConsoleOutputCP} {
		if err := call(set, uintptr(codePage)); err != nil {
			return err
		}
	}
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	screen, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	size := coord{120, 2000}
	if err := call(setConsoleScreenBufferSize, screen.Fd(), size.arg()); err != nil {
		return err
	}
	program.Stdin, program.Stdout, program.Stderr = in, screen, screen
	failed := program.Run()
	var info struct {
		size, cursor coord
		attributes   uint16
		window       [4]int16
		largest      coord
	}
	if err := call(getConsoleScreenBufferInfo, screen.Fd(), uintptr(unsafe.Pointer(&info))); err != nil {
		return err
	}
	var text strings.Builder
	for y := range info.cursor.y + 1 {
		row, n := make([]uint16, info.size.x), uint32(0)
		if err := call(readConsoleOutputCharacter, screen.Fd(), uintptr(unsafe.Pointer(&row[0])), uintptr(len(row)), coord{0, y}.arg(), uintptr(unsafe.Pointer(&n))); err != nil {
			return err
		}
		text.WriteString(strings.TrimRight(string(utf16.Decode(row[:n])), " ") + "\n")
	}
	// Wine shows codes for colour, whatever the mode. Windows does unless it was asked
	// to carry them out.
	const virtualTerminal = 4
	var mode uint32
	if err := syscall.GetConsoleMode(syscall.Handle(screen.Fd()), &mode); err != nil {
		return err
	}
	if strings.Contains(text.String(), "\x1b[") && mode&virtualTerminal == 0 {
		return errors.New("codes for colour were written to a console that was not asked to carry them out")
	}
	if _, err := io.WriteString(os.Stdout, text.String()); err != nil {
		return err
	}
	return failed
}

func call(p *syscall.LazyProc, args ...uintptr) error {
	if ok, _, err := p.Call(args...); ok == 0 {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	return nil
}

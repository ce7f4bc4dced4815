package bundle

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

var (
	// The name of the service stands in brackets, which people and web pages change.
	portVerdict = regexp.MustCompile(`(?i)\b(TCP|UDP) port (\d{1,5})\s*[(<*\[][^:]*:\s*(NOT LISTENING|LISTENING or FILTERED|LISTENING|FILTERED)\s*$`)
	portSettled = regexp.MustCompile(`(?i)^\s*(UDP) port (\d{1,5}) is (LISTENING|FILTERED)\s*$`)
	portTarget  = regexp.MustCompile(`(?i)Querying target system called:?\s*(\S*)\s*$`)
	portNamed   = regexp.MustCompile(`(?i)\b(name|IP address) resolved to\s+(\S+)`)
	portCommand = regexp.MustCompile(`(?i)portqry(?:\.exe)?\s(?:.*\s)?-n\s+(\S+)(?:.*\s-e\s+(\d{1,5}))?`)
)

// maxQueries bounds the verdicts of one text.
const maxQueries = 1000

// ParsePortQry reads what PortQry printed (KB 832919): one query or several one
// after another, in ASCII or UTF-16. It returns what became of each port, in
// the order of the text, and nothing for text that holds no verdict. name is
// the file's: MOSDAL names it after the command, as in "PortQry.exe -n
// sipdir.online.lync.com -p both -e 443.txt", and the target is taken from it
// where the text does not say it. A name that did not resolve is
// fact.Unresolved, with the port of the command.
func ParsePortQry(name string, r io.Reader) []fact.PortQuery {
	var list []fact.PortQuery
	var asked fact.PortQuery // of the target, what is known until now
	port := uint16(0)
	command := func(text string) {
		if m := portCommand.FindStringSubmatch(text); m != nil {
			asked = fact.PortQuery{Host: target(m[1])}
			n, _ := strconv.ParseUint(m[2], 10, 16)
			port = uint16(n)
		}
	}
	command(strings.TrimSuffix(strings.ReplaceAll(name[strings.LastIndexAny(name, `/\!`)+1:], "_", " "), ".txt"))
	heading := false
	lines := bufio.NewScanner(io.LimitReader(r, maxText))
	lines.Buffer(nil, maxText)
	for number := 1; lines.Scan() && len(list) < maxQueries; number++ {
		// UTF-16 of what PortQry prints is its ASCII with zero bytes between.
		line := strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(lines.Text(), ""), "\x00", ""))
		if line == "" || strings.Trim(line, "-=") == "" {
			continue
		}
		if heading {
			asked, heading = fact.PortQuery{Host: target(line)}, false
			continue
		}
		add := func(transport string, status fact.PortStatus, n uint16) {
			q := asked
			q.Port, q.Transport, q.Status, q.Line = n, transport, status, number
			list = append(list, q)
		}
		switch m := portTarget.FindStringSubmatch(line); {
		case m != nil && m[1] == "":
			heading = true
		case m != nil:
			asked = fact.PortQuery{Host: target(m[1])}
		case portNamed.MatchString(line):
			if m := portNamed.FindStringSubmatch(line); strings.EqualFold(m[1], "name") {
				asked.Address = m[2]
			} else {
				asked.Name = target(m[2])
			}
		case strings.Contains(strings.ToLower(line), "failed to resolve name to ip address"):
			add("tcp", fact.Unresolved, port)
		default:
			if m := portVerdict.FindStringSubmatch(line); m != nil {
				if n, err := strconv.ParseUint(m[2], 10, 16); err == nil && n > 0 {
					add(strings.ToLower(m[1]), portStatus(m[3]), uint16(n))
				}
			} else if m := portSettled.FindStringSubmatch(line); m != nil {
				// A query of the protocol itself, after the first verdict, settles it.
				for i := range list {
					if q := &list[i]; q.Transport == "udp" && q.Host == asked.Host && strconv.Itoa(int(q.Port)) == m[2] {
						q.Status = portStatus(m[3])
					}
				}
			} else {
				command(line)
			}
		}
	}
	return list
}

func portStatus(text string) fact.PortStatus {
	switch strings.ToUpper(text) {
	case "LISTENING":
		return fact.Listening
	case "NOT LISTENING":
		return fact.NotListening
	case "FILTERED":
		return fact.Filtered
	}
	return fact.MaybeListening
}

// target is a host as facts name it.
func target(text string) string {
	return strings.ToLower(strings.TrimSuffix(strings.Trim(text, `"'<>*`), "."))
}

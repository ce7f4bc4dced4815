package redact

import "strings"

// header reads the first line of a table of exported objects: what its columns
// hold; nil: it is none.
func header(line []byte) []context {
	text := strings.TrimPrefix(strings.TrimRight(string(line), "\r\n"), "\ufeff")
	if strings.HasPrefix(text, "#TYPE") {
		return nil
	}
	sign := separator(text)
	fields := strings.Split(text, string(sign))
	if len(fields) < 2 {
		return nil
	}
	var list []context
	known := false
	for _, f := range fields {
		name := fold(strings.Trim(strings.TrimSpace(f), `"`))
		if name == "" || strings.ContainsAny(name, "=@:<>\\") {
			return nil
		}
		name = strings.ReplaceAll(name, " ", "")
		c := meaning([]byte(name), 0, len(name))
		if c == serverContext {
			c = noContext
		}
		known = known || c != noContext
		list = append(list, c)
	}
	if !known {
		return nil
	}
	return append(list, context(sign)) // the last element is the sign between columns
}

func separator(text string) byte {
	for _, c := range []byte{'\t', ';'} {
		if strings.IndexByte(text, c) >= 0 {
			return c
		}
	}
	return ','
}

// row replaces in a line of a table. A quoted field that goes on in the next line
// makes that line begin in the wrong column, where the ordinary rules still hold.
func (s *scanner) row(out, line []byte) []byte {
	columns, sign := s.columns[:len(s.columns)-1], byte(s.columns[len(s.columns)-1])
	end := len(line)
	for end > 0 && (line[end-1] == '\n' || line[end-1] == '\r') {
		end--
	}
	for i, n := 0, 0; i <= end; n++ {
		j, quoted := i, false
		for j < end && (quoted || line[j] != sign) {
			if line[j] == '"' {
				quoted = !quoted
			}
			j++
		}
		from, to := i, j
		if to-from >= 2 && line[from] == '"' && line[to-1] == '"' {
			from, to = from+1, to-1
		}
		out = append(out, line[i:from]...)
		if n < len(columns) && columns[n] != noContext && to > from {
			var stop int
			out, stop, _ = s.valueOf(out, line[:to], from, columns[n], true, 0)
			out = append(out, line[stop:to]...)
		} else {
			out = s.scan(out, line[from:to])
		}
		out = append(out, line[to:j]...)
		if j < end {
			out = append(out, sign)
		}
		i = j + 1
	}
	return append(out, line[end:]...)
}

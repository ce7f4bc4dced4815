package lab

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sharedFindings are the lab's names in the findings table: those to be there
// by now, and all, in the table's order.
func sharedFindings(t *testing.T) (now, all []string) {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "design", "findings.tsv"))
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skipf("the findings table is not here: %v", err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		column := strings.Split(lines.Text(), "\t")
		if len(column) < 5 || column[3] != "lab" || column[0] == "name" {
			continue
		}
		all = append(all, column[0])
		if slices.Contains([]string{"2", "3", "4", "5", "6"}, column[4]) {
			now = append(now, column[0])
		}
	}
	return now, all
}

func TestFaultsAreThoseOfTheTable(t *testing.T) {
	now, all := sharedFindings(t)
	faults := Faults()
	healthy := []string{"healthy", "healthy-managed", "healthy-hybrid", "healthy-server"}
	var names []string
	for i, f := range faults {
		if i < len(healthy) {
			if f.Name != healthy[i] || f.Base != f.Name || f.Expected != "" {
				t.Errorf("healthy lab %d: %+v", i, f)
			}
			continue
		}
		names = append(names, f.Name)
		if f.Expected != f.Name || !slices.Contains(healthy, f.Base) {
			t.Errorf("%s: expected %q in %q", f.Name, f.Expected, f.Base)
		}
	}
	for _, name := range now {
		if !slices.Contains(names, name) {
			t.Errorf("there is no fault %s", name)
		}
	}
	order := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(names, name) })
	if !slices.Equal(order, names) {
		t.Errorf("the order is not the table's, or a name is not in it:\n%v\n%v", names, order)
	}
}

func TestDescriptions(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Faults() {
		if seen[f.Name] || f.Description == "" || strings.HasSuffix(f.Description, ".") {
			t.Errorf("%s: twice, or without a description, or with a full stop: %q", f.Name, f.Description)
		}
		seen[f.Name] = true
	}
}

func TestEveryFaultStarts(t *testing.T) {
	for _, f := range Faults() {
		l, err := Start(t.Context(), Config{Faults: []string{f.Name}})
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		place := "outside"
		if slices.Contains(f.parts, partLocation) && f.Name != "adfs-windows-endpoint-exposed" {
			place = "inside"
		}
		if s := l.Setting(); s.Location != place || s.Deployment != "" {
			t.Errorf("%s: setting %+v", f.Name, s)
		}
		l.Close()
	}
}

func TestChoose(t *testing.T) {
	tests := []struct {
		names      []string
		base, fail string
	}{
		{nil, "healthy", ""},
		{[]string{"healthy-hybrid"}, "healthy-hybrid", ""},
		{[]string{"healthy", "sip-no-answer"}, "healthy", ""},
		{[]string{"sip-no-answer", "adfs-mex-http-500"}, "healthy", ""},
		{[]string{"sip-no-answer", "sip-no-answer"}, "healthy", ""},
		{[]string{"healthy-managed", "sip-no-answer"}, "", "sip-no-answer belongs into the lab healthy, healthy-managed into healthy-managed"},
		{[]string{"adfs-mex-http-500", "adfs-mex-html"}, "", "both change the MEX answer"},
		{[]string{"dns-lyncdiscover-missing", "dns-sip-tls-srv-missing"}, "", "both change the client"},
		{[]string{"adfs-mex-http500"}, "", `did you mean "adfs-mex-http-500"?`},
		{[]string{"client-clock"}, "", `did you mean "client-clock-skew"?`},
		{[]string{"warp-drive"}, "", `there is no fault "warp-drive"`},
		{[]string{""}, "", `there is no fault ""`},
	}
	for _, test := range tests {
		base, _, err := choose(test.names)
		if test.fail == "" {
			if err != nil || base != test.base {
				t.Errorf("%v: %q, %v", test.names, base, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.fail) {
			t.Errorf("%v: %v, want %q", test.names, err, test.fail)
		}
	}
}

// The names that faults are told by go into the world's zones, whatever the
// faults do to the records.
func TestZonesHoldEveryRecord(t *testing.T) {
	for _, f := range Faults() {
		w := newWorld(f.Base, time.Now)
		if f.apply != nil {
			f.apply(w)
		}
		zones, err := w.zoneFiles()
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		records, want := 0, 0
		for _, z := range zones {
			records += len(z.Records)
		}
		for _, r := range w.records {
			want += len(r)
		}
		if records != want {
			t.Errorf("%s: %d records in the zones, %d in the data", f.Name, records, want)
		}
	}
}

package lyncdiag_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// told are the findings with what they claim.
func told(report *lyncdiag.Report) string {
	var list []string
	for _, f := range report.Findings {
		list = append(list, fmt.Sprintf("%s %s %s", f.Name, f.Severity, f.Confidence))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// finding is the only one of a name, as it reads.
func finding(t *testing.T, report *lyncdiag.Report, name string) (f lyncdiag.Finding, text string) {
	t.Helper()
	i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no %s:\n%s", name, describe(report))
	}
	f = report.Findings[i]
	spec := f.Filled(report.Target)
	text = strings.Join(append([]string{spec.Title, spec.Cause}, spec.Resolution...), "\n")
	for _, e := range f.Evidence {
		text += "\n" + e.Key + " " + e.Value
	}
	return f, text
}

// TestToolboxWithoutComputers: its results as the menu of the module has them.
func TestToolboxWithoutComputers(t *testing.T) {
	report := judgeExports(t, nil, `[{"Name":"TestIsAdfsRunning","Result":2,"Detail":"service down","Output":null,"ExceptionMessage":null},{"Name":"TestSslBindings","Result":0,"Detail":"x","Output":null,"ExceptionMessage":null}]`)
	if got := told(report); got != "rich-client-authentication failure probable" {
		t.Fatal(got)
	}
	_, text := finding(t, report, "rich-client-authentication")
	if !strings.Contains(text, "Get-Service adfssrv") || strings.Contains(text, "503") || strings.Contains(text, "()") {
		t.Error(text)
	}
}

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/metrics"
)

// metricsFlag is the file for Prometheus' agents, "" for none.
type metricsFlag string

func (m *metricsFlag) register(flags *pflag.FlagSet) {
	flags.StringVar((*string)(m), "metrics", "", "also write metrics to `FILE.prom`, for the textfile collector of Prometheus' node_exporter or windows_exporter")
}

// open makes the file before the work; nil: none is asked for.
func (m metricsFlag) open(p *program) (*output, error) {
	path := string(m)
	switch {
	case path == "":
		return nil, nil
	case !strings.HasSuffix(path, ".prom"): // as for half a file beside its place
		return nil, fmt.Errorf("read --metrics %s: the textfile collector reads only files whose names end in .prom", path)
	case p.reads(path):
		return nil, fmt.Errorf("write --metrics %s: %w", path, errRead)
	}
	o, err := p.output(path)
	if err != nil {
		return nil, fmt.Errorf("write --metrics %s: %w", path, cli.Cause(err))
	}
	return o, nil
}

// write fills the file, if there is one.
func (m metricsFlag) write(p *program, to *output, families []metrics.Family, label, value string) error {
	if to == nil {
		return nil
	}
	if redacted := p.redaction(); redacted != nil {
		families, value = redacted(families).([]metrics.Family), p.redactor().Text(value)
	}
	return metrics.Write(to, families, label, value)
}

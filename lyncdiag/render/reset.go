package render

import (
	"cmp"
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
)

// resetDoc is lyncdiag.client-reset/v1.
type resetDoc struct {
	Schema   string      `json:"schema"`
	Address  string      `json:"address"`
	DryRun   bool        `json:"dryRun"`   // nothing was to be deleted
	Complete bool        `json:"complete"` // false: something that was to be deleted is still there
	Detail   string      `json:"detail"`   // why nothing was touched, "" otherwise
	Running  []string    `json:"running"`  // clients that run
	Backup   string      `json:"backup"`   // folder of the copies, "" for none
	Items    []resetItem `json:"items"`
}

type resetItem struct {
	Kind      string `json:"kind" jsonschema:"enum=endpoint-cache,enum=sign-in-folder,enum=registry,enum=account-profiles,enum=certificate,enum=credential,enum=dns-cache"`
	Place     string `json:"place"`
	Status    string `json:"status" jsonschema:"enum=planned,enum=deleted,enum=failed,enum=kept"`
	Detail    string `json:"detail"`
	Files     int    `json:"files"`
	Bytes     int64  `json:"bytes"`
	Reference string `json:"reference"`
}

// ClientReset is lyncdiag.client-reset/v1: what a reset deletes, or has deleted.
// failed is why nothing was touched.
func (t Tool) ClientReset(r *client.Reset, dryRun bool, failed error) Document {
	doc := &resetDoc{
		Schema: "lyncdiag.client-reset/v1", Address: r.Address, DryRun: dryRun, Complete: dryRun || failed == nil && r.Whole(), Running: list(r.Running), Backup: r.Backup,
		Items: each(r.Items, func(i client.Item) resetItem {
			return resetItem{i.Kind, i.Place, i.Status, i.Detail, i.Files, i.Bytes, i.Source}
		}),
	}
	if failed != nil {
		doc.Detail = failed.Error()
	}
	return Document{doc}
}

func (d *resetDoc) text(s *sheet) {
	saved := 0
	for _, i := range d.Items {
		if i.Kind != client.DNSCache {
			saved++
		}
	}
	switch {
	case d.Detail != "":
		s.head(d.Address+": nothing was deleted: "+d.Detail, bad)
	case saved == 0 && d.DryRun:
		s.head(d.Address+": no saved sign-in information was found", dubio)
	case d.DryRun:
		s.head(d.Address+": this would be deleted; --yes does it", dubio)
	case !d.Complete:
		s.head(d.Address+": not everything could be deleted", bad)
	default:
		s.head(d.Address+": the saved sign-in information is deleted", good)
	}
	s.blank()
	for _, i := range d.Items {
		text := i.Kind + ": " + i.Place
		if i.Files > 1 {
			text += fmt.Sprintf(" (%d files, %d bytes)", i.Files, i.Bytes)
		}
		if i.Detail != "" {
			text += ": " + i.Detail
		}
		s.mark(map[string]mark{"planned": {"would", dubio}, "deleted": {"deleted", good}, "failed": {"failed", bad}, "kept": {"kept", faint}}[i.Status], text+" ("+i.Reference+")")
	}
	if len(d.Running) > 0 && d.Detail == "" {
		s.blank()
		s.line("The client runs. Exit it first (File > Exit).")
	}
	if !d.DryRun && d.Detail == "" {
		s.blank()
		s.item("Backup", cmp.Or(d.Backup, "none was made"))
	}
}

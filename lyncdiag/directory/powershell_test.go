package directory_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// The writers of PowerShell, as far as tests need them, from how the formats
// are documented and what exports show. Nothing of package directory is used.

// property is a property of an object; a value is nil, a string, a bool, an
// enum, a []any of values or an obj.
type property struct {
	name  string
	value any
}

type obj struct {
	typ   string
	props []property
}

// enum is a value of an enumeration: Windows PowerShell's JSON has the number.
type enum struct {
	name   string
	number int
}

// toJSON is ConvertTo-Json -Depth: what lies deeper becomes text.
func toJSON(v any, depth int, numbers bool) any {
	switch v := v.(type) {
	case enum:
		if numbers {
			return v.number
		}
		return v.name
	case obj:
		if depth < 0 {
			return v.typ
		}
		m := map[string]any{}
		for _, p := range v.props {
			m[p.name] = toJSON(p.value, depth-1, numbers)
		}
		return m
	case []any:
		if depth < 0 {
			var words []string
			for _, item := range v {
				words = append(words, fmt.Sprint(toJSON(item, -1, numbers)))
			}
			return strings.Join(words, " ")
		}
		list := []any{}
		for _, item := range v {
			list = append(list, toJSON(item, depth-1, numbers))
		}
		return list
	}
	return v
}

func convertToJSON(depth int, numbers bool, objects ...obj) string {
	var list []any
	for _, o := range objects {
		list = append(list, toJSON(o, depth, numbers))
	}
	var v any = list
	if len(list) == 1 {
		v = list[0]
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// exportCSV is Export-Csv: a cell is the text of its value.
func exportCSV(comma string, typeLine bool, objects ...obj) string {
	var b strings.Builder
	if typeLine {
		fmt.Fprintf(&b, "#TYPE %s\r\n", objects[0].typ)
	}
	var cells []string
	for _, p := range objects[0].props {
		cells = append(cells, p.name)
	}
	line := func() {
		for i, c := range cells {
			cells[i] = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
		}
		b.WriteString(strings.Join(cells, comma) + "\r\n")
	}
	line()
	for _, o := range objects {
		cells = nil
		for _, p := range o.props {
			cells = append(cells, cellText(p.value))
		}
		line()
	}
	return b.String()
}

func cellText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case enum:
		return v.name
	case []any:
		return "System.Collections.Generic.List`1[System.Object]"
	case obj:
		return v.typ
	}
	return fmt.Sprint(v)
}

// exportCLIXML is Export-Clixml -Depth: an object that lies deeper keeps its
// text only.
func exportCLIXML(depth int, objects ...obj) string {
	var b strings.Builder
	b.WriteString(`<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">` + "\n")
	w := &clixml{b: &b, types: map[string]int{}}
	for _, o := range objects {
		w.value("", o, depth)
	}
	b.WriteString("</Objs>\n")
	return b.String()
}

type clixml struct {
	b     *strings.Builder
	ref   int
	types map[string]int
}

func (w *clixml) begin(name, typ string, more ...string) {
	n := ""
	if name != "" {
		n = fmt.Sprintf(` N="%s"`, name)
	}
	fmt.Fprintf(w.b, `<Obj%s RefId="%d">`, n, w.ref)
	w.ref++
	if id, ok := w.types[typ]; ok {
		fmt.Fprintf(w.b, `<TNRef RefId="%d"/>`, id)
		return
	}
	w.types[typ] = len(w.types)
	fmt.Fprintf(w.b, `<TN RefId="%d">`, w.types[typ])
	for _, t := range append([]string{typ}, append(more, "System.Object")...) {
		fmt.Fprintf(w.b, "<T>%s</T>", t)
	}
	w.b.WriteString("</TN>")
}

func (w *clixml) value(name string, v any, depth int) {
	n := ""
	if name != "" {
		n = fmt.Sprintf(` N="%s"`, name)
	}
	switch v := v.(type) {
	case nil:
		fmt.Fprintf(w.b, "<Nil%s/>", n)
	case bool:
		fmt.Fprintf(w.b, "<B%s>%t</B>", n, v)
	case string:
		fmt.Fprintf(w.b, "<S%s>", n)
		if err := xml.EscapeText(w.b, []byte(v)); err != nil {
			panic(err)
		}
		w.b.WriteString("</S>")
	case enum:
		w.begin(name, "Some.Status", "System.Enum", "System.ValueType")
		fmt.Fprintf(w.b, "<ToString>%s</ToString><I32>%d</I32></Obj>", v.name, v.number)
	case []any:
		w.begin(name, "System.Collections.Generic.List`1[[System.Object]]")
		w.b.WriteString("<LST>")
		for _, item := range v {
			w.value("", item, depth-1)
		}
		w.b.WriteString("</LST></Obj>")
	case obj:
		if depth < 0 {
			fmt.Fprintf(w.b, "<S%s>%s</S>", n, v.typ)
			return
		}
		w.begin(name, v.typ)
		fmt.Fprintf(w.b, "<ToString>%s</ToString><Props>", v.typ)
		for _, p := range v.props {
			w.value(p.name, p.value, depth-1)
		}
		w.b.WriteString("</Props></Obj>")
	}
}

// formatList is Format-List: collections between braces, cut after four.
func formatList(o obj) string {
	var b strings.Builder
	for _, p := range o.props {
		text := cellText(p.value)
		if list, ok := p.value.([]any); ok {
			var words []string
			for _, item := range list[:min(4, len(list))] {
				words = append(words, cellText(item))
			}
			if len(list) > 4 {
				words = append(words, "...")
			}
			text = "{" + strings.Join(words, ", ") + "}"
		}
		fmt.Fprintf(&b, "%-36s: %s\r\n", p.name, text)
	}
	return "\r\n" + b.String() + "\r\n\r\n"
}

const plan = "0feaeb32-d00e-4d66-bd5a-43b5b83db82c" // MCOSTANDARD

// msolUser is what Get-MsolUser gives for a user with these plans.
func msolUser(upn string, plans ...property) obj {
	var services []any
	for _, p := range plans {
		services = append(services, obj{"Microsoft.Online.Administration.ServiceStatus", []property{
			{"ProvisioningStatus", p.value},
			{"ServicePlan", obj{"Microsoft.Online.Administration.ServicePlan", []property{{"ServiceName", p.name}, {"ServiceType", p.name}}}},
		}})
	}
	licences := []any{}
	if len(plans) > 0 {
		licences = append(licences, obj{"Microsoft.Online.Administration.UserLicense", []property{{"AccountSkuId", "contoso:ENTERPRISEPACK"}, {"ServiceStatus", services}}})
	}
	return obj{"Microsoft.Online.Administration.User", []property{
		{"UserPrincipalName", upn}, {"BlockCredential", false}, {"IsLicensed", len(plans) > 0}, {"Licenses", licences},
		{"ProxyAddresses", []any{"SMTP:" + upn, "sip:" + upn}}, {"ImmutableId", nil}, {"LastDirSyncTime", nil},
		{"OverallProvisioningStatus", enum{"Success", 1}}, {"Errors", nil},
	}}
}

// mgUser is what Get-MgUser gives with the properties of docs/powershell.md.
func mgUser(upn string, licensed bool) obj {
	licences, plans := []any{}, []any{}
	if licensed {
		licences = append(licences, obj{"Microsoft.Graph.PowerShell.Models.MicrosoftGraphAssignedLicense", []property{
			{"DisabledPlans", []any{}}, {"SkuId", "6fd2c87f-b296-42f0-b197-1e91e994b900"}}})
		plans = append(plans, obj{"Microsoft.Graph.PowerShell.Models.MicrosoftGraphAssignedPlan", []property{
			{"AssignedDateTime", "2013-05-31T13:55:00Z"}, {"CapabilityStatus", "Enabled"}, {"Service", "MicrosoftCommunicationsOnline"}, {"ServicePlanId", plan}}})
	}
	return obj{"Microsoft.Graph.PowerShell.Models.MicrosoftGraphUser", []property{
		{"UserPrincipalName", upn}, {"AccountEnabled", true}, {"AssignedLicenses", licences}, {"AssignedPlans", plans},
		{"ProxyAddresses", []any{"SMTP:" + upn, "SIP:" + upn}}, {"OnPremisesSyncEnabled", nil}, {"Id", "1"},
	}}
}

// without leaves out some properties.
func without(o obj, names ...string) obj {
	o.props = slices.DeleteFunc(slices.Clone(o.props), func(p property) bool { return slices.Contains(names, p.name) })
	return o
}

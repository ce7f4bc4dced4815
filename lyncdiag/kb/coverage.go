package kb

// Item is the smallest part of the article that can be proved: a cell, a row,
// a step, a branch.
type Item struct {
	ID      string // "scope/lync/one/many", "message/1", "tree/2/no", "experiment/fails/works", "client/3"; stable
	Section string // id of the [Section]
	Text    string // what the article says there, shorter; a message verbatim
	Path    string // file inside MOSDALREPORT.zip, with the article's backslashes, "" for none
	// Proof says where it is shown that the tool does what the item says:
	// "finding:NAME" of the catalogue, "lab:FAULT", or "scenario:FILE", which
	// is testdata/scenarios/FILE.txtar beside package lyncdiag.
	Proof  []string
	Source Citation
}

// Coverage lists every item of the article, in its order.
func Coverage() []Item {
	var items []Item
	for _, s := range Sections() {
		items = append(items, s.Items...)
	}
	return items
}

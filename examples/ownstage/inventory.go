package main

import (
	"context"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// version is the fact. Its type can be any that JSON writes and reads, so that
// a recorded run can be judged again: fact.Decode(file, version).
var version = fact.NewKey[string]("inventory.version")

// inventory is the stage. It looks the user's client up, here in a map.
func inventory(versions map[string]string) lyncdiag.Stage {
	return lyncdiag.Stage{
		ID: "inventory", Title: "Inventory", Provides: []fact.Name{version.Name()},
		Probe: func(_ context.Context, env *lyncdiag.Env) error {
			found, ok := versions[env.Target.Address]
			if !ok { // an observation, and no error of the tool
				return &lyncdiag.Obstacle{Detail: "the user has no computer in it", Soft: true}
			}
			fact.Put(env.Facts, version, found, fact.Origin{Kind: fact.Directory, Where: "inventory"})
			return nil
		},
		Summary: func(f *fact.Facts) string {
			found, _, _ := fact.Get(f, version)
			return "client " + found
		},
	}
}

// supported is the rule. It names a finding of the catalogue, which knows the
// type, the cause and the steps; what was seen becomes its evidence.
func supported() lyncdiag.Rule {
	return lyncdiag.Rule{
		ID: "inventory.version", Needs: []fact.Name{version.Name()}, Emits: []string{"client-version-wrong"},
		Eval: func(f *fact.Facts, emit lyncdiag.Emit) {
			found, origin, _ := fact.Get(f, version)
			if !strings.HasPrefix(found, "3.") { // Office Communicator 2007 R2, the client before Lync
				return
			}
			emit(lyncdiag.Finding{
				Spec:     lyncdiag.Spec{Name: "client-version-wrong"},
				Stage:    "inventory",
				Evidence: []fact.Evidence{{Key: "version", Class: fact.Text, Value: found, Origin: origin}},
			})
		},
	}
}

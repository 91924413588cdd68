package storetest

import (
	"context"
	"fmt"
)

// CheckOne runs the check of this name.
func CheckOne(ctx context.Context, name string, h Harness) error {
	for _, c := range checks() {
		if c.name == name {
			return c.run(ctx, h)
		}
	}
	panic(fmt.Sprintf("no check is named %q", name))
}

// Names are the checks' names.
func Names() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

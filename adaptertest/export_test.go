package adaptertest

import (
	"context"
	"errors"
)

// CheckNamed runs one check.
func CheckNamed(ctx context.Context, h Harness, name string) error {
	s, err := newSuite(h)
	if err != nil {
		return err
	}
	for _, c := range checks() {
		if c.name == name {
			return s.run(ctx, c)
		}
	}
	return errors.New("no such check")
}

// Described is what a check says of itself.
type Described struct{ Name, Says, Why, See string }

// Descriptions are those of all checks.
func Descriptions() []Described {
	var all []Described
	for _, c := range checks() {
		all = append(all, Described{c.name, c.rule.says, c.rule.why, c.rule.see})
	}
	return all
}

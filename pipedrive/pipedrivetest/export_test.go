package pipedrivetest

import (
	"maps"
	"slices"
)

// BodyFields and ListParams let the tests compare with the OpenAPI file.
func BodyFields() []string { return slices.Sorted(maps.Keys(bodyFields)) }

func ListParams() []string { return slices.Sorted(maps.Keys(listParams)) }

func PersonParams() []string { return slices.Sorted(maps.Keys(personParams)) }

package adaptertest

import "slices"

func checks() []check {
	return slices.Concat(
		capabilityChecks, lifeChecks, costChecks(), orderChecks, editChecks(), kindChecks(), hostileChecks(), sizeChecks, fillChecks(),
		routeChecks(), outcomeChecks(), statusChecks(), rateChecks(), answerChecks(), slowChecks(),
		redirectChecks(), idChecks(), contextChecks(), tenantChecks, secretChecks(),
	)
}

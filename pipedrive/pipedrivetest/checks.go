package pipedrivetest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Checks of values: "" is right. The wording of most is our own, Pipedrive
// documents none.

func unless(right bool, problem string) string {
	if right {
		return ""
	}
	return problem
}

func isID(v string) string {
	n, err := strconv.ParseInt(v, 10, 64)
	return unless(err == nil && n > 0 && strconv.FormatInt(n, 10) == v, "This value should be a positive integer.")
}

func isIDs(v string) string {
	ids := strings.Split(v, ",")
	wrong := func(id string) bool { return isID(id) != "" }
	return unless(len(ids) <= 100 && !slices.ContainsFunc(ids, wrong), "This value should be up to 100 positive integers.")
}

var uuid = regexp.MustCompile(`^(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func isUUID(v string) string {
	return unless(uuid.MatchString(v), "This is not a valid UUID.")
}

func isBool(v string) string {
	return oneOf("true", "false")(v)
}

// isTime wants the layout to the letter: time.Parse alone lets "9:30" and
// fractions of a second pass, which the API refuses.
func isTime(layout string) func(string) string {
	return func(v string) string {
		_, err := time.Parse(layout, v)
		return unless(err == nil && len(v) == len(layout), "This value is not a valid datetime.")
	}
}

func isLimit(v string) string {
	n, err := strconv.Atoi(v)
	return unless(err == nil && n >= 1 && n <= 500, "This value should be between 1 and 500.")
}

func isAnything(string) string { return "" }

func oneOf(choices ...string) func(string) string {
	return func(v string) string {
		return unless(slices.Contains(choices, v), "The value you selected is not a valid choice.")
	}
}

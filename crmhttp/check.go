package crmhttp

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/crmlog/crmlog"
)

// hostForm is held against a host as it was given: some letters beyond ASCII are
// ASCII in lower case.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+$`)

// CompanyURL returns the base URL of a company's host, such as
// https://acme.pipedrive.com, if that is below the CRM's domain ("pipedrive.com").
// A host comes from data, and gets the credential, so anything else is a
// [*crmlog.InputError] for field: another domain, a port, a path, a user.
func CompanyURL(field, host, domain string) (string, error) {
	low := strings.ToLower(host)
	if !hostForm.MatchString(host) || !strings.HasSuffix(low, "."+domain) {
		return "", &crmlog.InputError{Field: field, Problem: "not a host of the CRM; give one such as acme." + domain + ", without scheme or path"}
	}
	return "https://" + low, nil
}

// Number reads an id of a CRM that counts its records: a whole number above 0,
// written as the CRM writes it. Anything else is a [*crmlog.InputError] for
// field.
func Number(field string, id crmlog.ID) (int64, error) {
	n, err := strconv.ParseInt(string(id), 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != string(id) {
		return 0, &crmlog.InputError{Field: field, Problem: "not an id of the CRM; give a whole number above 0"}
	}
	return n, nil
}

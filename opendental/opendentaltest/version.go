package opendentaltest

import (
	"fmt"
	"strconv"
	"strings"
)

// version is a program version of up to four parts.
type version [4]int

func parseVersion(text string) (version, error) {
	var v version
	parts := strings.Split(text, ".")
	if len(parts) > len(v) {
		return v, fmt.Errorf("opendentaltest: version has more than four parts")
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return v, fmt.Errorf("opendentaltest: version has a part that is no number")
		}
		v[i] = n
	}
	return v, nil
}

// mustVersion is for the versions written in this package.
func mustVersion(text string) version {
	v, err := parseVersion(text)
	if err != nil {
		panic("opendentaltest: bad version in a route: " + text)
	}
	return v
}

func (v version) atLeast(other version) bool {
	for i := range v {
		if v[i] != other[i] {
			return v[i] > other[i]
		}
	}
	return true
}

func (v version) String() string {
	n := len(v)
	for n > 2 && v[n-1] == 0 {
		n--
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = strconv.Itoa(v[i])
	}
	return strings.Join(parts, ".")
}

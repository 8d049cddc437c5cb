package lambda

import (
	"regexp"
	"testing"
)

func TestRandomDigitsAreUsedOnce(t *testing.T) {
	digits := regexp.MustCompile(`^[0-9a-f]{39}$`)
	self := &worker{}
	seen := map[string]bool{}
	for i := 0; i < 3*idsAtOnce; i++ {
		random := randomHex(self)
		if !digits.MatchString(random) || seen[random] {
			t.Errorf("request %d: got %q, want 39 new digits", i, random)
		}
		seen[random] = true
	}
}

package lambda

import "testing"

func TestSecondOf(t *testing.T) {
	first := secondOf(1)
	if first.amzDate != "19700101T000001Z" || first.logTime != "01/Jan/1970:00:00:01 +0000" || first.traceTime != "1" {
		t.Errorf("got %+v, want the first second of 1970", first)
	}
	if again := secondOf(1); again != first {
		t.Errorf("got %p for the same second, want %p", again, first)
	}
	if later := secondOf(2); later.unix != 2 {
		t.Errorf("got second %d, want 2", later.unix)
	}
}

//go:build race

package e2e_test

// The race detector makes the clients, which share two cores with Traefik, several times slower.
func init() { slowness = 6 }

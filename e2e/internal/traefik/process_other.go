//go:build !linux

package traefik

import "syscall"

// childAttributes puts Traefik into a process group of its own, so that a Ctrl-C in the terminal reaches its parent
// alone, which then ends it in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

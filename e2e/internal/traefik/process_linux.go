package traefik

import "syscall"

// childAttributes puts Traefik into a process group of its own, so that a Ctrl-C in the terminal reaches its parent
// alone, which then ends it in order; and has the kernel end it should the parent die without doing so.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

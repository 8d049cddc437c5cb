// Package attached starts programs that end with the one that has started them.
package attached

import (
	"os/exec"
	"runtime"
)

// Start starts a command, and returns a channel that is closed when the process has ended. Where the command's
// attributes ask for a signal at its parent's death, the kernel takes the end of the starting THREAD for that: so it is
// started and waited for on a thread that stays until the process has ended. The error is that of cmd.Start.
func Start(cmd *exec.Cmd) (done <-chan struct{}, err error) {
	started := make(chan error)
	ended := make(chan struct{})
	go run(cmd, started, ended)
	if err := <-started; err != nil {
		return nil, err
	}
	return ended, nil
}

func run(cmd *exec.Cmd, started chan<- error, ended chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait()
		close(ended)
	}
}

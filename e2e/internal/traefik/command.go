package traefik

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Command defines a Traefik that a user configures alone: nothing is added to its flags and files.
type Command struct {
	// Path defines the program to run: Traefik, or a script that ends in `exec traefik`. A relative path starts at Dir.
	// Default: the Traefik that Binary finds.
	Path string
	// Args defines the whole command line.
	Args []string
	// Dir defines a folder whose files are copied to the working directory.
	// Default: none is.
	Dir string
	// Env is Options.Env.
	Env []string
}

// Run starts Traefik as a user does, with the plugin of this repository below its working directory, and returns at once.
// Its entry points `web` and `websecure`, if it has them, are on free loopback ports, whatever addresses they are given.
// It cannot be told by Update: change its files, as its user would.
func Run(ctx context.Context, command Command) (*Instance, error) {
	binary, err := Binary(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "traefik-")
	if err != nil {
		return nil, fmt.Errorf("make Traefik's working directory: %w", err)
	}
	i := &Instance{dir: dir, log: &logBuffer{}, client: newClient()}
	if err := i.run(binary, command); err != nil {
		return nil, errors.Join(fmt.Errorf("run Traefik: %w", err), i.Stop())
	}
	return i, nil
}

func (i *Instance) run(binary string, command Command) error {
	if _, err := installPlugin("", i.dir); err != nil {
		return err
	}
	if command.Dir != "" {
		if err := os.CopyFS(i.dir, os.DirFS(command.Dir)); err != nil {
			return fmt.Errorf("copy %s: %w", command.Dir, err)
		}
	}
	path, err := i.onPath(binary)
	if err != nil {
		return err
	}
	program := binary
	if command.Path != "" {
		program = command.Path
	}
	listeners, err := listen(Options{})
	if err != nil {
		return err
	}
	defer listeners.close()
	i.URL = "http://" + listeners.addr(entryPointWeb)
	i.TLSURL = "https://" + listeners.addr(entryPointTLS)
	i.process, err = startProcess(program, command.Args, i.dir, append([]string{path}, command.Env...), listeners, i.log)
	return err
}

// onPath returns the environment variable PATH, with Traefik under its own name before all else.
func (i *Instance) onPath(binary string) (string, error) {
	bin := filepath.Join(i.dir, "bin")
	if err := os.Mkdir(bin, 0o750); err != nil {
		return "", fmt.Errorf("make a folder for Traefik: %w", err)
	}
	if err := os.Symlink(binary, filepath.Join(bin, "traefik")); err != nil {
		return "", fmt.Errorf("name Traefik: %w", err)
	}
	return "PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), nil
}

// Dir returns the working directory.
func (i *Instance) Dir() string { return i.dir }

package lambdalocal

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// source is a file, or a folder with all below it, of which a program is made.
type source struct {
	path string
	// extensions are those of the files that count in a folder. Empty: all do.
	extensions []string
}

// skippedFolders hold what nobody edits, in numbers that take time to look at. Those whose names begin with a dot
// are skipped too.
var skippedFolders = []string{"node_modules", "__pycache__", "venv", "vendor"}

// fingerprint returns a number that is another one when a file was changed, added or taken away. It goes by times and
// sizes, and reads no file.
func fingerprint(sources []source) uint64 {
	sum := fnv.New64a()
	for _, s := range sources {
		_ = filepath.WalkDir(s.path, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil: // It has just gone, which is a change as well.
				return nil
			case entry.IsDir():
				if path != s.path && (strings.HasPrefix(entry.Name(), ".") || slices.Contains(skippedFolders, entry.Name())) {
					return fs.SkipDir
				}
				return nil
			case len(s.extensions) > 0 && !slices.Contains(s.extensions, filepath.Ext(path)):
				return nil
			}
			if info, err := entry.Info(); err == nil {
				_, _ = fmt.Fprintln(sum, path, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	return sum.Sum64()
}

package payload

import (
	"encoding/json"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestBodiesHaveTheSizeAskedFor(t *testing.T) {
	for _, size := range []int{32, 71, 72, 73, 100, 1 << 10, 64 << 10} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			assert.Len(t, JSON(size), size)
			assert.True(t, json.Valid(JSON(size)))
			assert.Len(t, Text(size), size)
			assert.True(t, utf8.Valid(Text(size)))
			assert.Len(t, HTML(max(64, size)), max(64, size))
			assert.Len(t, Binary(size), size)
			assert.False(t, utf8.Valid(Binary(size)))
			again := Binary(size)
			assert.Equal(t, again, Binary(size))
		})
	}
}

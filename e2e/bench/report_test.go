package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	for name, row := range map[string]struct {
		numbers []float64
		want    float64
	}{
		"one":                     {[]float64{3}, 3},
		"the middle of three":     {[]float64{9, 1, 2}, 2},
		"between the middle two":  {[]float64{1, 9, 2, 4}, 3},
		"an outlier moves little": {[]float64{1, 1, 2, 3, 1000}, 2},
	} {
		t.Run(name, func(t *testing.T) { assert.InDelta(t, row.want, median(row.numbers), 0) })
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	fast := rounds{{perSecond: 100}, {perSecond: 10}, {perSecond: 40}}
	slow := rounds{{perSecond: 50}, {perSecond: 5}, {perSecond: 10}}
	assert.InDelta(t, 2, fast.against(slow, perSecond), 0)
	assert.InDelta(t, 40, fast.medianOf(perSecond), 0)
}

func TestSpread(t *testing.T) {
	r := rounds{{perSecond: 90}, {perSecond: 100}, {perSecond: 120}}
	assert.InDelta(t, 30, r.spread(perSecond), 1e-9)
}

func TestTablesAreAlignedMarkdown(t *testing.T) {
	comparisons := []comparison{{name: "format x", contenders: map[string]rounds{
		proxy:  {{perSecond: 1000, p50: 1.5, p99: 12, cpu: 50, standinCPU: 20, generatorCPU: 10}},
		plugin: {{perSecond: 700, p50: 2.25, p99: 14, cpu: 75, standinCPU: 20, generatorCPU: 10}},
	}}}
	memory := newMemoryTable()
	memory.addMemory("small", plugin, &memory2000)
	memory.addMemory("large", plugin, &memoryLarge)
	for name, row := range map[string]struct {
		table *table
		want  string
	}{
		"speed": {speedTable(comparisons), `| case     | contender               | requests/s | spread % | ratio | p50 ms | p99 ms | CPU µs/request | ratio | stand-in µs | load µs |
| -------- | ----------------------- | ---------: | -------: | ----: | -----: | -----: | -------------: | ----: | ----------: | ------: |
| format x | Traefik's reverse proxy |       1000 |        0 |  1.00 |   1.50 |  12.00 |             50 |  1.00 |          20 |      10 |
| format x | Traefik with the plugin |        700 |        0 |  0.70 |   2.25 |  14.00 |             75 |  1.50 |          20 |      10 |

`},
		"ratios, blank where nothing was compared": {ratioTable(comparisons), `| case     | requests/s | ÷ proxy | ÷ gateway | ÷ Traefik + gateway | spread % | p99 ms | CPU µs/request | ÷ proxy | ÷ gateway | ÷ Traefik + gateway | spread % |
| -------- | ---------: | ------: | --------: | ------------------: | -------: | -----: | -------------: | ------: | --------: | ------------------: | -------: |
| format x |        700 |    0.70 |           |                     |        0 |   14.0 |             75 |    1.50 |           |                     |        0 |

`},
		"memory, against the body where that is large": {memory, `| load  | contender               | in flight | idle MB | peak MB | kB/request in flight | ÷ body |
| ----- | ----------------------- | --------: | ------: | ------: | -------------------: | -----: |
| small | Traefik with the plugin |      2000 |     100 |     300 |                  100 |        |
| large | Traefik with the plugin |        10 |     100 |     200 |                10000 |    2.5 |

`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, row.table.print(&out))
			assert.Equal(t, row.want, out.String())
		})
	}
}

var (
	memory2000  = memory{idle: 100e6, peak: 300e6, requests: 2000, body: 100}
	memoryLarge = memory{idle: 100e6, peak: 200e6, requests: 10, body: 4e6}
)

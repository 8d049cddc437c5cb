package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/procfs"
)

// rounds are the results of one contender at one case.
type rounds []*result

// medianOf returns the median of a number over the rounds.
func (r rounds) medianOf(number func(*result) float64) float64 {
	numbers := make([]float64, len(r))
	for i, round := range r {
		numbers[i] = number(round)
	}
	return median(numbers)
}

// against returns the median of the ratios of a number to the other contender's of the same round: what disturbs the
// machine for longer than a round disturbs both.
func (r rounds) against(other rounds, number func(*result) float64) float64 {
	ratios := make([]float64, len(r))
	for i, round := range r {
		ratios[i] = number(round) / number(other[i])
	}
	return median(ratios)
}

// median returns the middle of numbers, of which there is at least one.
func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// spread is how far the rounds' numbers are apart, in percent of their median.
func (r rounds) spread(number func(*result) float64) float64 {
	numbers := make([]float64, len(r))
	for i, round := range r {
		numbers[i] = number(round)
	}
	return 100 * (slices.Max(numbers) - slices.Min(numbers)) / median(numbers)
}

func perSecond(r *result) float64 { return r.perSecond }
func ownCPU(r *result) float64    { return r.cpu }
func p99(r *result) float64       { return r.p99 }

// comparison is what was measured at one case.
type comparison struct {
	name       string
	contenders map[string]rounds
}

// speedTable compares the contenders at each case.
func speedTable(comparisons []comparison) *table {
	t := newTable(2, "case", "contender", "requests/s", "spread %", "ratio", "p50 ms", "p99 ms", "CPU µs/request", "ratio", "stand-in µs", "load µs")
	for _, c := range comparisons {
		base := c.contenders[proxy]
		for _, name := range allContenders {
			r := c.contenders[name]
			if r == nil {
				continue
			}
			t.add(
				c.name, name,
				number(r.medianOf(perSecond), 0),
				number(r.spread(perSecond), 0),
				number(r.against(base, perSecond), 2),
				number(r.medianOf(func(r *result) float64 { return r.p50 }), 2),
				number(r.medianOf(p99), 2),
				number(r.medianOf(ownCPU), 0),
				number(r.against(base, ownCPU), 2),
				number(r.medianOf(func(r *result) float64 { return r.standinCPU }), 0),
				number(r.medianOf(func(r *result) float64 { return r.generatorCPU }), 0),
			)
		}
	}
	return t
}

// ratioTable is what the plugin does and costs, beside the others: requests a second, and CPU time of a request.
func ratioTable(comparisons []comparison) *table {
	t := newTable(1, "case", "requests/s", "÷ proxy", "÷ gateway", "÷ Traefik + gateway", "spread %", "p99 ms",
		"CPU µs/request", "÷ proxy", "÷ gateway", "÷ Traefik + gateway", "spread %")
	for _, c := range comparisons {
		r := c.contenders[plugin]
		t.add(slices.Concat(
			[]string{c.name, number(r.medianOf(perSecond), 0)},
			c.against(perSecond),
			[]string{number(r.spread(perSecond), 0), number(r.medianOf(p99), 1), number(r.medianOf(ownCPU), 0)},
			c.against(ownCPU),
			[]string{number(r.spread(ownCPU), 0)},
		)...)
	}
	return t
}

// against returns a number of the plugin in multiples of the others', blank where there is nothing to compare with.
func (c *comparison) against(of func(*result) float64) []string {
	others := []string{proxy, gateway, traefikGateway}
	ratios := make([]string, len(others))
	for i, other := range others {
		if r := c.contenders[other]; r != nil {
			ratios[i] = number(c.contenders[plugin].against(r, of), 2)
		}
	}
	return ratios
}

// newMemoryTable returns the table for addMemory's rows.
func newMemoryTable() *table {
	return newTable(2, "load", "contender", "in flight", "idle MB", "peak MB", "kB/request in flight", "÷ body")
}

func (t *table) addMemory(name, contender string, m *memory) {
	const kB, mB = 1e3, 1e6
	bodies := "" // say nothing where they are small
	if m.body >= mB {
		bodies = number(m.perRequest()/float64(m.body), 1)
	}
	t.add(
		name, contender,
		strconv.Itoa(m.requests),
		number(float64(m.idle)/mB, 0),
		number(float64(m.peak)/mB, 0),
		number(m.perRequest()/kB, 0),
		bodies,
	)
}

// table is a head and rows of cells. The first columns are words, the others numbers.
type table struct {
	words int
	rows  [][]string
}

func newTable(words int, head ...string) *table {
	return &table{words: words, rows: [][]string{head}}
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table as Markdown, aligned for readers of the plain text.
func (t *table) print(w io.Writer) error {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for i, row := range t.rows {
		text.WriteString(t.line(row, widths))
		if i == 0 {
			text.WriteString(t.rule(widths))
		}
	}
	_, err := fmt.Fprintln(w, text.String())
	return err
}

func (t *table) line(row []string, widths []int) string {
	cells := make([]string, len(row))
	for i, cell := range row {
		blanks := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i < t.words {
			cells[i] = cell + blanks
		} else {
			cells[i] = blanks + cell
		}
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

func (t *table) rule(widths []int) string {
	cells := make([]string, len(widths))
	for i, width := range widths {
		cells[i] = strings.Repeat("-", width)
		if i >= t.words {
			cells[i] = cells[i][1:] + ":"
		}
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

func number(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

// machine describes where the numbers come from.
func machine() string {
	model := runtime.GOARCH
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if cpus, err := fs.CPUInfo(); err == nil && len(cpus) > 0 && cpus[0].ModelName != "" {
			model = cpus[0].ModelName
		}
	}
	return fmt.Sprintf("%d cores of %s, %s, %s; clients, contenders and stand-in on the same machine",
		runtime.NumCPU(), model, runtime.GOOS, runtime.Version())
}

package yaegicheck

// Snippets for the rules about control flow: defer, loops, channels and assignments.

const closer = `
type body struct{ name string }
func (b *body) Close() {}
func (b body) Show() {}
func open(_ string) *body { return &body{} }
`

var deferRows = []row{
	{name: "a defer in a loop", want: "defer-loop", code: closer + `func f() { for _, n := range []string{"a"} { b := open(n); defer b.Close() } }`},
	{name: "a defer in a func literal called by each round", code: closer + `func f() { for _, n := range []string{"a"} { func() { b := open(n); defer b.Close() }() } }`},
	{name: "a deferred receiver assigned again", want: "defer-changed", code: closer + `func f() { b := open("a"); defer b.Close(); b = open("b"); b.Show() }`},
	{name: "a deferred receiver assigned again by :=", want: "defer-changed", code: closer + `func get() (*body, error) { return nil, nil }
func f() { b, err := get(); defer b.Close(); b, code := get(); _, _, _ = b, err, code }`},
	{name: "a deferred argument counted up later", want: "defer-changed", code: `func show(_ int) {}
func f() { n := 1; defer show(n); n++ }`},
	{name: "a deferred field set later", want: "defer-changed", code: closer + `func show(s string) {}
func f() { b := open("a"); defer show(b.name); b.name = "b" }`},
	{name: "a value receiver whose field is set later", want: "defer-changed", code: closer + `func f() { b := body{}; defer b.Show(); b.name = "b" }`},
	{name: "a cancel function assigned again", want: "defer-changed", code: `func f(ctx context.Context) { c, cancel := context.WithCancel(ctx); defer cancel(); c, cancel = context.WithCancel(c); _ = c }`},
	{name: "a deferred receiver assigned before only", code: closer + `func f() { b := open("a"); b = open("b"); defer b.Close(); b.name = "c" }`},
	{name: "a deferred argument that is a call", code: `func show(s string) {}
func f() { n := 1; defer show(strconv.Itoa(n)); n++ }`},
	{name: "a deferred literal that reads a result late", code: `func f() (err error) { defer func() { if err != nil { println("failed") } }(); err = io.EOF; return err }`},
	{name: "an unlock after assignments to guarded fields", code: `type s struct { mu sync.Mutex; n int }
func (s *s) f() { s.mu.Lock(); defer s.mu.Unlock(); s.n++ }`},
	{name: "an unlock by an embedded mutex", code: `var cache struct { sync.Mutex; m map[string]int }
func f() { cache.Lock(); defer cache.Unlock(); cache.m = nil }`},
	{name: "a local func literal deferred", want: "defer-literal", code: `func f() { cleanup := func() {}; defer cleanup() }`},
	{name: "a local func literal called by a deferred one", want: "defer-literal", code: `func f() { cleanup := func() {}; defer func() { cleanup() }() }`},
	{name: "a local func literal passed to a deferred function", want: "defer-literal", code: `func call(g func()) { g() }
func f() { cleanup := func() {}; defer call(cleanup) }`},
	{name: "a func literal as argument of a deferred function", want: "defer-literal", code: `func call(g func()) { g() }
func f() { defer call(func() {}) }`},
	{name: "a func literal in a map deferred", want: "defer-literal", code: `func f() { m := map[string]func(){"a": func() {}}; defer m["a"]() }`},
	{name: "a func literal in a field, called by a deferred method", want: "defer-literal", code: `type s struct{ done func() }
func (s *s) finish() { s.done() }
func f() { x := &s{}; x.done = func() {}; defer x.finish() }`},
	{name: "a deferred Wait for goroutines that call a local literal", want: "defer-literal", code: `func f() { var wg sync.WaitGroup; work := func() {}; wg.Add(1); defer wg.Wait(); go func() { work(); wg.Done() }() }`},
	{name: "a deferred Wait for a goroutine of its own literal", code: `func f() { var wg sync.WaitGroup; wg.Add(1); defer wg.Wait(); go func() { wg.Done() }() }`},
	{name: "a deferred literal that recovers", code: `func f() { defer func() { _ = recover() }() }`},
	{name: "a deferred func value made elsewhere", code: `func start() func() { return func() {} }
func f() { defer start()(); stop := start(); defer stop() }`},
	{name: "a deferred parameter", code: `func f(stop func()) { defer stop() }`},
	{name: "a literal within the deferred literal", code: `func f() { defer func() { g := func() {}; g() }() }`},
	{name: "a local literal that is called before the end", code: `func f(mu *sync.Mutex) { mu.Lock(); defer mu.Unlock(); g := func() {}; g() }`},
	{name: "a deferred Once with a literal", code: `func f() { var once sync.Once; defer once.Do(func() {}) }`},
}

var loopRows = []row{
	{name: "a goroutine of a func literal in a loop", want: "go-loop", code: `func f() { for j := 0; j < 3; j++ { go func() { println("x") }() } }`},
	{name: "a goroutine of a named function in a loop", code: `func work(k int) {}
func f() { for j := 0; j < 3; j++ { go work(j) } }`},
	{name: "one goroutine of a func literal", code: `func f() { go func() { println("x") }() }`},
	{name: "a literal that keeps a for variable", want: "loop-variable", code: `func f() (all []func() int) { all = nil; for j := 0; j < 3; j++ { all = append(all, func() int { return j }) }; return all }`},
	{name: "a literal that keeps a range variable", want: "loop-variable", code: `func f(in []string) (all []func() string) { all = nil; for _, v := range in { all = append(all, func() string { return v }) }; return all }`},
	{name: "a copy of the loop variable kept", code: `func f(in []string) (all []func() string) { all = nil; for _, v := range in { v := v; all = append(all, func() string { return v }) }; return all }`},
	{name: "a literal called where it stands", code: `func f(in []string) { for _, v := range in { func() { println(v) }() } }`},
	{name: "the address of a loop variable", want: "loop-variable", code: `func f(in []int) (all []*int) { all = nil; for _, v := range in { all = append(all, &v) }; return all }`},
	{name: "the address of a loop variable's field", want: "loop-variable", code: `type s struct{ n int }
func f(in []s) (all []*int) { all = nil; for _, v := range in { all = append(all, &v.n) }; return all }`},
	{name: "a slice of an array that is a loop variable", want: "loop-variable", code: `func f(in [][2]int) (all [][]int) { all = nil; for _, v := range in { all = append(all, v[:]) }; return all }`},
	{name: "the address of an element", code: `func f(in []int) (all []*int) { all = nil; for k := range in { all = append(all, &in[k]) }; return all }`},
	{name: "the address of a field behind a pointer", code: `type s struct{ n int }
func f(in []*s) (all []*int) { all = nil; for _, v := range in { all = append(all, &v.n) }; return all }`},
	{name: "subtests in a loop", file: "plugin_test.go", code: `func TestF(t *testing.T) { for _, v := range []string{"a"} { t.Run(v, func(t *testing.T) { if v == "" { t.Fail() } }) } }`},
	{name: "parallel subtests in a loop", want: "loop-variable", file: "plugin_test.go", code: `func TestF(t *testing.T) { for _, v := range []string{"a"} { t.Run(v, func(t *testing.T) { t.Parallel(); if v == "" { t.Fail() } }) } }`},
	{name: "a literal in a loop converted to a handler", want: "loop-literal", code: `func f(in []string) (all []http.Handler) { all = nil; for _, v := range in { v := v; all = append(all, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, v) })) }; return all }`},
	{name: "a literal in a loop given to a timer", want: "loop-literal", code: `func f(c chan int) { for j := 0; j < 3; j++ { k := j; time.AfterFunc(1, func() { c <- k }) } }`},
	{name: "a handler made by a function in a loop", code: `func handler(v string) http.Handler { return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, v) }) }
func f(in []string) (all []http.Handler) { all = nil; for _, v := range in { all = append(all, handler(v)) }; return all }`},
	{name: "a literal in a loop that keeps nothing of the round", code: `func f(c chan int) { for j := 0; j < 3; j++ { time.AfterFunc(1, func() { c <- 1 }) } }`},
}

var staleRows = []row{
	{name: "an assertion in a loop", want: "stale-value", code: `func f(in []any) { for _, v := range in { s, _ := v.(string); println(s) } }`},
	{name: "an assertion in a loop that asks for ok late", want: "stale-value", code: `func f(in []any) { for _, v := range in { s, ok := v.(string); println(s, ok) } }`},
	{name: "an element of a map in a loop", want: "stale-value", code: `func f(in []string, m map[string]int) { for _, k := range in { n, ok := m[k]; println(n, ok) } }`},
	{name: "an assertion into a variable that has a value", want: "stale-value", code: `func f(v any) { s := "a"; println(s); s, _ = v.(string); println(s) }`},
	{name: "an element into a field", want: "stale-value", code: `type t struct{ n int }
func f(x *t, m map[string]int) { var ok bool; x.n, ok = m["a"]; println(ok) }`},
	{name: "a value used in the else", want: "stale-value", code: `func f(in []any) { for _, v := range in { if s, ok := v.(string); ok { println(s) } else { println("no", s) } } }`},
	{name: "a value used where it is not ok", want: "stale-value", code: `func f(in []any) { for _, v := range in { s, ok := v.(string); if !ok { println(s); continue }; println(s) } }`},
	{name: "an if that does not leave", want: "stale-value", code: `func f(in []any) { for _, v := range in { s, ok := v.(string); if !ok { println("no") }; println(s) } }`},
	{name: "an or", want: "stale-value", code: `func f(in []any) { for _, v := range in { if s, ok := v.(string); ok || v == nil { println(s) } } }`},
	{name: "an assertion outside loops", code: `func f(v any) { s, _ := v.(string); println(s) }`},
	{name: "an assertion in a function that each round calls", code: `func text(v any) string { s, _ := v.(string); return s }
func f(in []any) { for _, v := range in { println(text(v)) } }`},
	{name: "a value set before", code: `func f(in []any) { for _, v := range in { s := ""; s, _ = v.(string); println(s) } }`},
	{name: "a value set before, behind a label", code: `func f(in []any) { for _, v := range in { s := ""; if v == nil { goto l }; println(s); l: s = ""; s, _ = v.(string); println(s) } }`},
	{name: "a value declared before", code: `func f(in []any) { for _, v := range in { var s string; s, _ = v.(string); println(s) } }`},
	{name: "a value used where ok is true", code: `func f(in []any) { for _, v := range in { if s, ok := v.(string); ok && s != "" { println(s) } else { println("no") } } }`},
	{name: "a value used after an if that leaves", code: `func f(in []any) { for _, v := range in { s, ok := v.(string); if !ok { continue }; println(s) } }`},
	{name: "only ok in a loop", code: `func f(in []any) { for _, v := range in { _, ok := v.(string); println(ok) } }`},
	{name: "a receive in a loop", code: `func f(c chan int) { for i := 0; i < 2; i++ { n, ok := <-c; println(n, ok) } }`},
}

var channelRows = []row{
	{name: "a returned receive", want: "receive-returned", code: `func f(c chan int) int { return <-c }`},
	{name: "a returned local that was received", code: `func f(c chan int) int { v, _ := <-c; return v }`},
	{name: "a received value as argument, operand and condition", code: `func g(n int) bool { return n > 1 }
func f(c chan int) { if g(<-c) { println(<-c + 1) } }`},
	{name: "a receive into a field", want: "receive-stored", code: `type s struct{ n int }
func f(x *s, c chan int) { x.n = <-c }`},
	{name: "a receive into an element of a slice", want: "receive-stored", code: `func f(x []int, c chan int) { x[0] = <-c }`},
	{name: "a receive through a pointer", want: "receive-stored", code: `func f(x *int, c chan int) { *x = <-c }`},
	{name: "a receive into a named result", want: "receive-stored", code: `func f(c chan error) (err error) { err = <-c; return err }`},
	{name: "a receive into a package variable", want: "receive-stored", code: `var last int
func f(c chan int) { last = <-c }`},
	{name: "a receive into an element of a map", code: `func f(x map[string]int, c chan int) { x["a"] = <-c }`},
	{name: "a receive added to a field", code: `type s struct{ n int }
func f(x *s, c chan int) { x.n += <-c }`},
	{name: "a received variable counted up", want: "receive-changed", code: `func f(c chan int) { v := <-c; v++; println(v) }`},
	{name: "a received error replaced", want: "receive-changed", code: `func f(c chan error) error { err := <-c; if err == nil { err = io.EOF }; return err }`},
	{name: "a received error replaced by :=", want: "receive-changed", code: `func f(c chan error) error { err := <-c; n, err := strconv.Atoi("1"); println(n); return err }`},
	{name: "a received struct's field set", want: "receive-changed", code: `type s struct{ n int }
func f(c chan s) { v := <-c; v.n = 1; println(v.n) }`},
	{name: "a received struct's pointer method", want: "receive-changed", code: `type s struct{ n int }
func (x *s) inc() { x.n++ }
func f(c chan s) { v := <-c; v.inc() }`},
	{name: "a received value changed by a literal", want: "receive-changed", code: `func f(c chan int) { v := <-c; func() { v = 2 }(); println(v) }`},
	{name: "the address of a received variable", want: "receive-changed", code: `func f(c chan int) *int { var v = <-c; return &v }`},
	{name: "a received pointer's field set", code: `type s struct{ n int }
func f(c chan *s) { v := <-c; v.n = 1 }`},
	{name: "a received variable received again", code: `func f(c chan int) { var v int; v = <-c; println(v); v = <-c; println(v) }`},
	{name: "a receive of two values, changed", code: `func f(c chan int) { v, ok := <-c; v++; println(v, ok) }`},
	{name: "a received value copied and changed", code: `func f(c chan int) { v := <-c; w := v; w++; println(v, w) }`},
	{name: "a received range variable counted up", code: `func f(c chan int) { for v := range c { v++; println(v) } }`},
	{name: "a select into an existing variable", want: "select", code: `func f(c chan int) { var v int; select { case v = <-c: println(v) } }`},
	{name: "a select with two values from a field", want: "select", code: `type t struct { c chan int }
func f(x *t) { select { case v, ok := <-x.c: println(v, ok) } }`},
	{name: "a select with two values from a call", want: "select", code: `func f(c func() chan int) { select { case v, ok := <-c(): println(v, ok) } }`},
	{name: "a select over a channel and a context", want: "select", code: `func f(c chan int, done chan bool) { select { case v := <-c: println(v); case <-done: } }`},
	{name: "a select without a clause", code: `func f() { select {} }`},
	{name: "a list of conditions in a switch", want: "switch-list", code: `func f(n int) bool { switch { case n == 1, n == 2: return true }; return false }`},
	{name: "a list of values in a switch", code: `func f(n int) bool { switch n { case 1, 2: return true }; return false }`},
	{name: "conditions joined in a switch", code: `func f(n int) bool { switch { case n == 1 || n == 2: return true }; return false }`},
	{name: "a labelled break at the end of a select clause", want: "select", code: `func f(c chan int) {
L:
	for { select { case <-c: println("x"); break L } } }`},
	{name: "a continue at the end of a select clause", want: "select", code: `func f(c chan int) { for { select { case <-c: continue; default: }; println("x") } }`},
	{name: "a continue in a switch", code: `func f(n int) { for { switch n { case 1: continue }; println("x") } }`},
}

var assignRows = []row{
	{name: "several values with a call among them", want: "assign-call", code: `func one() int { return 1 }
func f() { n, k := 0, 0; n, k = one(), 2; println(n, k) }`},
	{name: "several fields with a call among them", want: "assign-call", code: `type s struct { status, retry int }
func one() int { return 1 }
func (x *s) f() { x.status, x.retry = 503, one() }`},
	{name: "several values with a conversion among them", want: "assign-call", code: `func f(b []byte) { s, n := "", 0; n, s = len(b), string(b); println(s, n) }`},
	{name: "new variables with a call among them", code: `func one() int { return 1 }
func f() { n, k := one(), 2; println(n, k) }`},
	{name: "several values of one call", code: `type s struct { n int; err error }
func f(x *s) { n, err := 0, error(nil); n, err = strconv.Atoi("1"); x.n, x.err = strconv.Atoi("2"); println(n, err) }`},
	{name: "a swap", code: `func f(a []int) { a[0], a[1] = a[1], a[0] }`},
	{name: "several func literals that call", code: `func one() int { return 1 }
func f() { var a, b func() int; a, b = func() int { return one() }, func() int { return one() }; println(a(), b()) }`},
	{name: "an element of a map from a call of two results", want: "assign-map", code: `func f(m map[string]int) error { var err error; m["a"], err = strconv.Atoi("1"); return err }`},
	{name: "an element of a map from another's", want: "assign-map", code: `func f(m, k map[string]int) bool { var ok bool; m["a"], ok = k["a"]; return ok }`},
	{name: "an element of a map from a local", code: `func f(m map[string]int) error { n, err := strconv.Atoi("1"); m["a"] = n; return err }`},
	{name: "elements of a map of interfaces", want: "assign-nil", code: `func f(m map[string]any) { m["a"], m["b"] = nil, nil }`},
	{name: "elements of a map of strings", code: `func f(m map[string]string) { m["a"], m["b"] = "a", "b" }`},
}

var resultRows = []row{
	{name: "a result that is counted up", want: "result-unassigned", code: `func f() (n int) { n++; return n }`},
	{name: "a result that is added to", want: "result-unassigned", code: `func f(in []string) (all string) { for _, s := range in { all += s }; return all }`},
	{name: "a result that is appended to", want: "result-unassigned", code: `func f(in []string) (all []string) { for _, s := range in { all = append(all, s) }; return all }`},
	{name: "a bare return before an assignment", want: "result-unassigned", code: `func f() (err error) { return }`},
	{name: "a result that only one branch assigns", want: "result-unassigned", code: `func f(ok bool) (err error) { if ok { err = io.EOF }; return err }`},
	{name: "a result that a switch without default assigns", want: "result-unassigned", code: `func f(n int) (s string) { switch n { case 1: s = "a" }; return s }`},
	{name: "a result that is compared", want: "result-unassigned", code: `func f() (err error) { if err != nil { return io.EOF }; return nil }`},
	{name: "a result of a func literal", want: "result-unassigned", code: `func f() int { g := func() (n int) { n += 2; return n }; return g() }`},
	{name: "a result that is assigned first", code: `func f() (n int) { n = 0; n++; return n }`},
	{name: "a result that a definition assigns", code: `func f() (err error) { s, err := strconv.Atoi("1"); _ = s; return err }`},
	{name: "a result that both branches assign", code: `func f(ok bool) (err error) { if ok { err = io.EOF } else { err = nil }; return err }`},
	{name: "a result whose other branch returns", code: `func f(ok bool) (err error) { if !ok { return nil }; err = io.EOF; return err }`},
	{name: "a result that every clause assigns", code: `func f(n int) (s string) { switch n { case 1: s = "a"; default: s = "b" }; return s }`},
	{name: "results that are documentation only", code: `func f() (name, value string) { return "a", "b" }`},
	{name: "a result that a deferred literal reads", code: `func f() (err error) { defer func() { if err != nil { println("failed") } }(); err = io.EOF; return err }`},
	{name: "a call of a field among the operands of return", want: "returned-call", code: `type t struct{ count func() int }
func f(v *t) (int, error) { return v.count(), nil }`},
	{name: "a call of a field returned alone", code: `type t struct{ count func() int }
func f(v *t) int { return v.count() }`},
	{name: "a call of a field in an expression that is returned", code: `type t struct{ count func() int }
func f(v *t) (int, error) { return v.count() + 1, nil }`},
	{name: "a call of a field returned in a variable", code: `type t struct{ count func() int }
func f(v *t) (int, error) { n := v.count(); return n, nil }`},
	{name: "a method among the operands of return", code: `type t struct{ n int }
func (v *t) count() int { return v.n }
func f(v *t) (int, error) { return v.count(), nil }`},
	{name: "a result that is shadowed", code: `func f() (err error) { if _, err := strconv.Atoi("1"); err != nil { return err }; return nil }`},
}

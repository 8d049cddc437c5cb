package yaegicheck

// Snippets for the rules about types, functions and the language.

const ownError = `
type fault struct{ code int }
func (f *fault) Error() string { return "fault" }
func fail() error { return &fault{code: 1} }
`

const ownTypes = `
type counter struct{ n int }
func (c *counter) Write(b []byte) (int, error) { c.n += len(b); return len(b), nil }
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) { return nil, nil }
`

var errorRows = []row{
	{name: "errors.As to a type of the package", want: "errors-as", code: ownError + `func f() bool { var x *fault; return errors.As(fail(), &x) }`},
	{name: "errors.As to a standard type", code: `func f(err error) bool { var x *net.OpError; var y net.Error; return errors.As(err, &x) || errors.As(err, &y) }`},
	{name: "an assertion of a type of the package", code: ownError + `func f() bool { x, ok := fail().(*fault); return ok && x.code == 1 }`},
	{name: "errors.Is with a sentinel of a type of the package", want: "error-identity", code: ownError + `var errFault error = &fault{}
func f(err error) bool { return errors.Is(err, errFault) }`},
	{name: "a comparison with a sentinel of a type of the package", want: "error-identity", code: ownError + `var errFault error = &fault{}
func f(err error) bool { return err == errFault }`},
	{name: "a comparison with a variable of a type of the package", want: "error-identity", code: ownError + `var errFault = &fault{}
func f(err error) bool { return err == errFault }`},
	{name: "a sentinel of errors.New", code: `var errGone = errors.New("gone")
func f(err error) bool { return errors.Is(err, errGone) || err == errGone }`},
	{name: "a comparison of an error with nil", code: ownError + `func f() bool { x, _ := fail().(*fault); return fail() != nil && x != nil }`},
	{name: "a function of the package returned by its name", want: "function-returned", code: `func g(n int) int { return n }; func f() func(n int) int { return g }`},
	{name: "a literal returned that calls a function of the package", code: `func g(n int) int { return n }; func f() func(n int) int { return func(n int) int { return g(n) } }`},
	{name: "an error of the package handed on as the call returns it", want: "result-argument", code: ownError + `func mk() *fault { return &fault{} }; func use(err error) { println(err.Error()) }; func f() { use(mk()) }`},
	{name: "an error of the package handed on in a variable", code: ownError + `func mk() *fault { return &fault{} }; func use(err error) { println(err.Error()) }; func f() { e := mk(); use(e) }`},
	{name: "an error handed on as the call returns it", code: ownError + `func mk() error { return &fault{} }; func use(err error) { println(err.Error()) }; func f() { use(mk()) }`},
	{name: "an error of the package wrapped with its concrete type", want: "error-argument", code: ownError + `func f() error { return fmt.Errorf("f: %w", &fault{}) }`},
	{name: "an error of the package wrapped as an error", code: ownError + `func f() error { err := fail(); return fmt.Errorf("f: %w", err) }`},
	{name: "an error of the package joined with its concrete type", want: "variadic-interface", code: ownError + `func f() error { return errors.Join(&fault{}, io.EOF) }`},
	{name: "a case with an interface", want: "type-switch", code: `func f(v any) bool { switch v.(type) { case error: return true }; return false }`},
	{name: "a case with an error of the package", want: "type-switch", code: ownError + `func f() bool { switch fail().(type) { case *fault: return true }; return false }`},
	{name: "a case with a type of the package on any", want: "type-switch", code: `type mode string
func f(v any) bool { switch x := v.(type) { case mode: return x == "a" }; return false }`},
	{name: "cases with types of Go", code: `func f(v any) bool { switch x := v.(type) { case nil: return false; case string: return x == "a"; case []any, map[string]any: return true }; return false }`},
	{name: "cases with types of the package on an interface of the package", code: `type shape interface{ area() int }
type square struct{ side int }
func (s *square) area() int { return s.side * s.side }
func f(v shape) bool { switch x := v.(type) { case *square: return x.side == 1 }; return false }`},
	{name: "a panic with http.ErrAbortHandler", want: "panic-abort", code: `func f() { panic(http.ErrAbortHandler) }`},
	{name: "a panic with a text", code: `func f() { panic("unreachable") }`},
	{name: "a recovered value asserted", want: "recover-value", code: `func f() { defer func() { if r := recover(); r != nil { if _, ok := r.(error); ok { println("error") } } }() }`},
	{name: "a recovered value compared", want: "recover-value", code: `func f() { defer func() { if r := recover(); r == http.ErrAbortHandler { println("abort") } }() }`},
	{name: "a recovered value printed", code: `func f() { defer func() { if r := recover(); r != nil { println(fmt.Sprint(r)) } }() }`},
}

var functionRows = []row{
	{name: "a func literal with unnamed parameters", want: "unnamed-parameter", code: `var h = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})`},
	{name: "a function with unnamed parameters", want: "unnamed-parameter", code: `func f(int, string) {}`},
	{name: "a method with unnamed parameters", want: "unnamed-parameter", code: `type s struct{}
func (s *s) f(int, string) {}`},
	{name: "blank parameters, an unnamed receiver, unnamed parameters in types", code: `type s struct{}
type visit func(int, string) error
type visitor interface{ visit(int, string) error }
func (*s) f(_ int, _ string) { var g func(int); _ = g }`},
	{name: "a method expression", want: "method-expression", code: `type s struct{}
func (x *s) get() int { return 1 }
var get = (*s).get`},
	{name: "a method value of a standard type in a field", want: "compiled-method-value", code: `func f(t *http.Transport) { d := &net.Dialer{}; t.DialContext = d.DialContext }`},
	{name: "a method value of a standard type in a literal", want: "compiled-method-value", code: `func f() *http.Transport { d := &net.Dialer{}; return &http.Transport{DialContext: d.DialContext} }`},
	{name: "a method value of a standard type returned", want: "compiled-method-value", code: `func f(mu *sync.Mutex) func() { return mu.Unlock }`},
	{name: "a method value of a standard type as argument of the package", want: "compiled-method-value", code: `func run(g func()) { g() }
func f(mu *sync.Mutex) { run(mu.Unlock) }`},
	{name: "a method value of a standard type as local", want: "compiled-method-value", code: `func f(c *http.Client) { g := c.Get; g("x") }`},
	{name: "a method value of a standard type as argument of compiled code", code: `func f() { s := httptest.NewServer(http.NotFoundHandler()); var once sync.Once; once.Do(s.Close) }`},
	{name: "a method value of a standard interface", code: `func f(c io.Closer) func() error { return c.Close }`},
	{name: "a method value in a func literal", code: `func f(t *http.Transport) { d := &net.Dialer{}; t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) { return d.DialContext(ctx, network, addr) } }`},
	{name: "a method value whose receiver is assigned again", want: "method-value-rebound", code: `type s struct{ n int }
func (x *s) get() int { return x.n }
func f() int { x := &s{1}; g := x.get; x = &s{2}; println(x.n); return g() }`},
	{name: "method values of a loop variable", want: "method-value-rebound", code: `type s struct{ n int }
func (x *s) get() int { return x.n }
func f(in []*s) (all []func() int) { all = nil; for _, x := range in { all = append(all, x.get) }; return all }`},
	{name: "a method value of a parameter", code: `type s struct{ n int }
func (x *s) get() int { return x.n }
func f(x *s) func() int { return x.get }`},
	{name: "a sort with a func literal", want: "callback", code: `func f(a []int) { sort.Slice(a, func(i, j int) bool { return a[i] < a[j] }) }`},
	{name: "a split by a function of the package", want: "callback", code: `func comma(r rune) bool { return r == ',' }
func f(s string) []string { return strings.FieldsFunc(s, comma) }`},
	{name: "a split by a compiled function", code: `func f(s string) []string { return strings.FieldsFunc(s, unicode.IsSpace) }`},
	{name: "a sort of strings", code: `func f(a []string) { sort.Strings(a) }`},
	{name: "a sort with a func literal in a test", file: "plugin_test.go", code: `func f(a []int) { sort.Slice(a, func(i, j int) bool { return a[i] < a[j] }) }`},
}

const promotedTypes = `type target struct{ plain bool }
type place struct{ target *target }
type calls struct{ plain, late bool }
type both struct { place; calls }
`

var promotedRows = []row{
	{name: "a promoted field that another one hides", want: "promoted-field", code: promotedTypes + `func f(b *both) bool { return b.plain }`},
	{name: "a promoted field", code: promotedTypes + `func f(b *both) bool { return b.late }`},
	{name: "a field of an embedded struct by its name", code: promotedTypes + `func f(b *both) bool { return b.calls.plain }`},
}

var interfaceRows = []row{
	{name: "a value of the package in a standard struct's literal", want: "literal-field", code: ownTypes + `func f() *http.Client { return &http.Client{Transport: &counter{}} }`},
	{name: "a variable of the interface in a standard struct's literal", code: ownTypes + `func f() *http.Client { var t http.RoundTripper = &counter{}; return &http.Client{Transport: t} }`},
	{name: "a value of the package assigned to a standard struct's field", code: ownTypes + `func f(c *http.Client) { c.Transport = &counter{} }`},
	{name: "a value of the package in an own struct's literal", code: ownTypes + `type s struct{ t http.RoundTripper }
func f() *s { return &s{t: &counter{}} }`},
	{name: "a conversion to a standard interface", want: "interface-conversion", code: ownTypes + `func f() http.RoundTripper { t := http.RoundTripper(&counter{}); return t }`},
	{name: "a conversion of a func literal", code: `func f() http.Handler { return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }) }`},
	{name: "a value of the package as variadic argument", want: "variadic-interface", code: ownTypes + `func f() io.Writer { return io.MultiWriter(&counter{}, io.Discard) }`},
	{name: "a value of the package as plain argument", code: ownTypes + `func f() { fmt.Fprint(&counter{}, "x") }`},
	{name: "an own ResponseWriter passed on", want: "response-writer", code: `type writer struct{ http.ResponseWriter }
func f(next http.Handler, w http.ResponseWriter, r *http.Request) { next.ServeHTTP(&writer{w}, r) }`},
	{name: "the original ResponseWriter passed on", code: `func f(next http.Handler, w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) }`},
	{name: "a negation stored in a map of any", want: "unary-interface", code: `func f(m map[string]any, ok bool) { m["a"] = !ok }`},
	{name: "a negation stored in a variable of type any", want: "unary-interface", code: `func f(n int) any { var v any; v = -n; return v }`},
	{name: "a negation returned as any", want: "unary-interface", code: `func f(ok bool) (any, error) { return !ok, nil }`},
	{name: "a comparison returned as any", want: "unary-interface", code: `func f(n int) any { return n < 3 }`},
	{name: "a negation as argument, in a literal and in a local", code: `func g(v any) {}
func f(ok bool) { g(!ok); m := map[string]any{"a": !ok}; no := !ok; m["b"] = no }`},
	{name: "a comparison stored in a map of any", code: `func f(m map[string]any, n int) { m["a"] = n < 3 }`},
	{name: "a context key of a struct type", want: "context-key", code: `type key struct{}
func f(ctx context.Context) context.Context { return context.WithValue(ctx, key{}, 1) }`},
	{name: "a context key that is a pointer", code: `var key = new(int)
func f(ctx context.Context) context.Context { return context.WithValue(ctx, key, 1) }`},
}

var languageRows = []row{
	{name: "a range over a string", want: "range-string", code: `func f(s string) (n int) { n = 0; for range s { n++ }; return n }`},
	{name: "a range over a string's bytes", code: `func f(s string) (n int) { n = 0; for _, c := range []byte(s) { n += int(c) }; return n }`},
	{name: "a range over an integer", want: "range-over", code: `func f() { for j := range 3 { println(j) } }`},
	{name: "a range over a function", want: "range-over", code: `func f(seq func(func(int) bool)) { for j := range seq { println(j) } }`},
	{name: "a call of min", want: "new-builtin", code: `func f(a, b int) int { return min(a, b) }`},
	{name: "a call of clear", want: "new-builtin", code: `func f(m map[string]int) { clear(m) }`},
	{name: "a function of the package called min", code: `func min(a, b int) int { if a < b { return a }; return b }
func f(a, b int) int { return min(a, b) }`},
	{name: "a generic function", want: "generics", code: `func first[T any](a []T) T { return a[0] }`},
	{name: "a generic type", want: "generics", code: `type list[T any] struct{ all []T }`},
	{name: "cmp.Compare", code: `func f(a, b string) int { return cmp.Compare(a, b) }`},
	{name: "a package that Yaegi leaves out", want: "missing-symbol", code: `func f() error { return exec.ErrNotFound }`},
	{name: "an untyped shift above MaxInt64", want: "big-constant", code: `const top uint64 = 1 << 63`},
	{name: "a typed shift and a literal above MaxInt64", code: `var top, prime = uint64(1) << 63, uint64(0xcbf29ce484222325)`},
	{name: "a name that came after Go 1.22", want: "missing-symbol", code: `func f(s string) { _ = strings.Lines }`},
	{name: "a go:build line", want: "build-constraint", code: "//go:build linux\n\npackage p\n"},
	{name: "a go:generate line", code: "//go:generate true\n\npackage p\n"},
}

var jsonRows = []row{
	{name: "a MarshalJSON method", want: "json-method", code: `type s struct{}
func (s s) MarshalJSON() ([]byte, error) { return nil, nil }`},
	{name: "a function called MarshalJSON", code: `func MarshalJSON() ([]byte, error) { return nil, nil }`},
	{name: "an embedded struct encoded", want: "json-embedded", code: `type Base struct{ Q string }
type event struct{ Base }
func f() ([]byte, error) { return json.Marshal(event{}) }`},
	{name: "an embedded struct decoded in a nested slice", want: "json-embedded", code: `type Base struct{ Q string }
type item struct{ Base }
type event struct{ Items []*item }
func f(b []byte) error { var e event; return json.Unmarshal(b, &e) }`},
	{name: "an unexported field encoded", want: "json-unexported", code: `type event struct { Q string; size int }
func f(w io.Writer) error { return json.NewEncoder(w).Encode(&event{size: 1}) }`},
	{name: "an unexported field left out by its tag", code: "type event struct { Q string; size int `json:\"-\"` }\n" + `func f() ([]byte, error) { return json.Marshal(event{size: 1}) }`},
	{name: "unexported fields within one left out by its tag", code: "type inner struct{ n int }\ntype event struct { Q string; In inner `json:\"-\"` }\n" + `func f() ([]byte, error) { return json.Marshal(event{}) }`},
	{name: "an own struct with a standard type in it", code: `type event struct { At time.Time; Raw json.RawMessage }
func f() ([]byte, error) { return json.Marshal(event{}) }`},
}

var secretRows = []row{
	{name: "a struct with a secret printed", want: "secret-printed", code: `type keys struct { ID, SecretKey string }
func f(k keys) string { return fmt.Sprintf("%v", k) }`},
	{name: "a struct with a secret in a nested pointer printed", want: "secret-printed", code: `type keys struct { id, sessionToken string }
type signer struct{ keys map[string]*keys }
func f(s *signer) { fmt.Println(s) }`},
	{name: "a struct with a secret encoded", want: "secret-printed", code: `type keys struct{ Credentials string }
func f(k keys) ([]byte, error) { return json.Marshal(&k) }`},
	{name: "a struct with a secret that JSON leaves out", code: "type keys struct { ID string; Secret string `json:\"-\"` }\n" + `func f(k keys) ([]byte, error) { return json.Marshal(k) }`},
	{name: "a struct with a secret decoded", code: `type keys struct{ SecretKey string }
func f(b []byte) (k keys, err error) { k = keys{}; err = json.Unmarshal(b, &k); return k, err }`},
	{name: "a struct with a number of tokens printed", code: `type usage struct{ Tokens int }
func f(u usage) string { return fmt.Sprint(u) }`},
	{name: "a field of a struct with a secret printed", code: `type keys struct { id, secret string }
func f(k *keys) string { return fmt.Sprint(k.id) }`},
}

var silenceRows = []row{
	{name: "a silenced finding", code: `func f(a []int) {
	sort.Slice(a, func(i, j int) bool { return a[i] < a[j] }) //yaegi:ok callback once, when the configuration is read
}`},
	{name: "a silence without a reason", want: "yaegi-ok", code: `func f(a []int) {
	sort.Ints(a) //yaegi:ok callback
}`},
	{name: "a silence of nothing", want: "yaegi-ok", code: `func f(a []int) {
	sort.Ints(a) //yaegi:ok callback once, when the configuration is read
}`},
	{name: "a silence of another rule", want: "yaegi-ok", code: `func f() {
	println("x") //yaegi:ok range-string short
}`},
}

var packageRows = []row{
	{name: "an exported variable with a constant", want: "shared-variable", code: `var Max = 1`},
	{name: "an exported variable with the value of a constant", want: "shared-variable", code: `const most = 1 << 20; var Max int = most`},
	{name: "an exported variable that is set later", want: "shared-variable", code: `var Names = []string{}
func f(n string) { Names = append(Names, n) }`},
	{name: "an exported number that is counted", want: "shared-variable", code: `var Count int
func f() { Count++ }`},
	{name: "an exported variable of a call", code: `var ErrGone = errors.New("gone")`},
	{name: "an exported constant", code: `const Max = 1`},
	{name: "a variable of the package's own", code: `var most = 1
func f() { most = 2 }`},
	{name: "a local variable with a capital", code: `func f() int { Max := 1; Max = 2; return Max }`},
	{name: "an exported field that is set", code: `type T struct{ Max int }
func f(t *T) { t.Max = 2 }`},
}

package route

import "testing"

func TestName(t *testing.T) {
	for prefix, rows := range map[string]map[string]string{
		"/lambda/": {
			"/lambda/f":         "f ",
			"/lambda/f/a%2Fb/":  "f a%2Fb/",
			"/%6Cambda/f/x":     "f x",
			"/lambda":           "the path is not under pathPrefix",
			"/lambda%2Ff":       "the path is not under pathPrefix",
			"/lambda/%2Ff":      "no function can have the name in the path",
			"/lambda/../f":      "no function can have the name in the path",
			"/lambda/":          "no function can have the name in the path",
			"/other/f":          "the path is not under pathPrefix",
			"/lambda//f":        "no function can have the name in the path",
			"/x/lambda/f":       "the path is not under pathPrefix",
			"/lambda/a:b":       "no function can have the name in the path",
			"/lambda/hidden":    "include and exclude do not allow the name in the path",
			"/%6Cambda/hidden/": "include and exclude do not allow the name in the path",
		},
		"/a(b)'c*!/[x]": {
			"/a(b)'c*!/[x]/f":               "f ",
			"/a%28b%29%27c%2A%21/%5Bx%5D/f": "f ",
		},
		"/größe ü": {
			"/gr%C3%B6%C3%9Fe%20%C3%BC/f/y": "f y",
			"/größe%20ü/f":                  "f ",
			"/gr%c3%b6%c3%9fe%20%c3%bc/f":   "f ",
		},
		"/": {
			"/f/x": "f x",
			"/":    "no function can have the name in the path",
		},
	} {
		b, err := NewByPath(ByPathConfig{PathPrefix: prefix, Exclude: []string{"hid*"}})
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range rows {
			name, rest, err := Name(b, path)
			got := name + " " + rest
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s under %s: got %q, want %q", path, prefix, got, want)
			}
		}
	}
}

package configuration_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/traefik/paerser/file"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/label"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// option is one option of Config, with a value of its kind that is no default.
type option struct {
	// path is the names of the groups that it is in, and its own: "ipStrategy.depth"; a group that is a list has the
	// index 0: "routes[0].function".
	path string
	// native is the value as YAML and JSON have it.
	native any
	// labels are the ways to write it in labels: the ends of the keys after path, and their values.
	labels []map[string]string
	// set puts the value into a Config.
	set func(config reflect.Value)
	// initial is the default.
	initial reflect.Value
}

// options walks the plugin's Config.
func options(t *testing.T, config reflect.Value) []option {
	t.Helper()
	all := walk(t, "", config.Elem(), func(config reflect.Value) reflect.Value { return config.Elem() })
	require.Greater(t, len(all), 10, "the walk has lost its way")
	return all
}

// walk returns the options of a struct that at finds in a Config.
func walk(t *testing.T, prefix string, group reflect.Value, at func(config reflect.Value) reflect.Value) []option {
	t.Helper()
	var all []option
	for i := range group.NumField() {
		name := group.Type().Field(i).Tag.Get("mapstructure")
		if name == ",remain" {
			continue
		}
		require.Regexp(t, `^[a-zA-Z]+$`, name, "field %s of %s", group.Type().Field(i).Name, group.Type())
		field := func(config reflect.Value) reflect.Value { return at(config).Field(i) }
		all = append(all, walkField(t, prefix+name, group.Field(i), field)...)
	}
	return all
}

func walkField(t *testing.T, path string, value reflect.Value, at func(config reflect.Value) reflect.Value) []option {
	t.Helper()
	kind := value.Type()
	switch {
	case kind.Kind() == reflect.Pointer && kind.Elem().Kind() == reflect.Struct:
		return walk(t, path+".", reflect.New(kind.Elem()).Elem(), func(config reflect.Value) reflect.Value {
			if group := at(config); group.IsNil() {
				group.Set(reflect.New(kind.Elem()))
			}
			return at(config).Elem()
		})
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Struct:
		return walk(t, path+"[0].", reflect.New(kind.Elem()).Elem(), func(config reflect.Value) reflect.Value {
			if list := at(config); list.Len() == 0 {
				list.Set(reflect.MakeSlice(kind, 1, 1))
			}
			return at(config).Index(0)
		})
	case kind.Kind() == reflect.Struct:
		return walk(t, path+".", value, at)
	}
	o := option{path: path, initial: value}
	o.native, o.labels = sample(t, path, kind)
	o.set = func(config reflect.Value) { setNative(at(config), o.native) }
	return []option{o}
}

// sample returns a value for an option of the given type, as YAML has it and in each way that labels can.
func sample(t *testing.T, path string, kind reflect.Type) (native any, labels []map[string]string) {
	t.Helper()
	plain := func(value any) (any, []map[string]string) {
		return value, []map[string]string{{"": fmt.Sprint(value)}}
	}
	switch kind.Kind() {
	case reflect.String:
		return plain("sample")
	case reflect.Bool:
		return plain(true)
	case reflect.Int, reflect.Int64:
		return plain(7)
	case reflect.Pointer:
		return sample(t, path, kind.Elem())
	case reflect.Slice:
		require.Equal(t, reflect.String, kind.Elem().Kind(), "%s: this test does not know lists of %s", path, kind.Elem())
		return []any{"one", "two"}, []map[string]string{{"": "one,two"}, {"[0]": "one", "[1]": "two"}}
	case reflect.Map:
		require.Equal(t, reflect.TypeFor[map[string]string](), kind, "%s: this test does not know maps of this type", path)
		return map[string]any{"Key": "one", "other": "two"}, []map[string]string{{".Key": "one", ".other": "two"}}
	default:
		require.FailNow(t, "this test does not know the type of an option", "%s: %s", path, kind)
		return nil, nil
	}
}

// setNative sets v, of whatever size its type has, to a value of sample's.
func setNative(v reflect.Value, native any) {
	switch native := native.(type) {
	case []any:
		v.Set(reflect.MakeSlice(v.Type(), 0, len(native)))
		for _, element := range native {
			v.Set(reflect.Append(v, reflect.ValueOf(element)))
		}
	case map[string]any:
		v.Set(reflect.MakeMap(v.Type()))
		for key, element := range native {
			v.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(element))
		}
	default:
		if v.Kind() == reflect.Pointer {
			v.Set(reflect.New(v.Type().Elem()))
			v = v.Elem()
		}
		v.Set(reflect.ValueOf(native).Convert(v.Type()))
	}
}

// nested returns the option in its groups, as YAML and JSON have it.
func (o option) nested() map[string]any {
	names := strings.Split(o.path, ".")
	value := o.native
	for _, name := range slices.Backward(names) {
		if list, isList := strings.CutSuffix(name, "[0]"); isList {
			value = map[string]any{list: []any{value}}
			continue
		}
		value = map[string]any{name: value}
	}
	return value.(map[string]any)
}

func TestEveryOptionHasTheSameValueFromEverySource(t *testing.T) {
	p := loadPlugin(t)
	for _, o := range options(t, p.config()) {
		t.Run(o.path, func(t *testing.T) {
			want := p.config()
			o.set(want)
			require.NotEqual(t, p.config().Elem().Interface(), want.Elem().Interface(), "the sample is the default")
			for source, decoded := range sources(t, o) {
				got, err := p.decode(decoded)
				require.NoError(t, err, source)
				assert.Equal(t, want.Elem().Interface(), got.Elem().Interface(), source)
			}
		})
	}
}

// sources returns what each of Traefik's providers hands to the plugin for the option.
func sources(t *testing.T, o option) map[string]map[string]any {
	t.Helper()
	content, err := json.Marshal(o.nested())
	require.NoError(t, err)
	var native map[string]any
	require.NoError(t, json.Unmarshal(content, &native))
	all := map[string]map[string]any{
		"Kubernetes resource": native,
		"JSON file":           fromFile(t, ".json", string(content)),
		"YAML file":           fromFile(t, ".yml", string(content)), // JSON is YAML.
	}
	for i, way := range o.labels {
		all[fmt.Sprintf("labels, way %d", i+1)] = fromLabels(t, o.path, way)
		all[fmt.Sprintf("labels in lower case, way %d", i+1)] = fromLabels(t, strings.ToLower(o.path), way)
	}
	return all
}

func fromFile(t *testing.T, extension, options string) map[string]any {
	t.Helper()
	var c dynamic.Configuration
	content := `{"http": {"middlewares": {"test": {"plugin": {"` + traefik.PluginName + `": ` + options + `}}}}}`
	require.NoError(t, file.DecodeContent(content, extension, &c))
	return c.HTTP.Middlewares["test"].Plugin[traefik.PluginName]
}

func fromLabels(t *testing.T, path string, ends map[string]string) map[string]any {
	t.Helper()
	labels := map[string]string{}
	for end, value := range ends {
		labels["traefik.http.middlewares.test.plugin."+traefik.PluginName+"."+path+end] = value
	}
	c, err := label.DecodeConfiguration(labels)
	require.NoError(t, err)
	return c.HTTP.Middlewares["test"].Plugin[traefik.PluginName]
}

// optionRow is a line of the table of options: name, type, default, meaning.
var optionRow = regexp.MustCompile("(?m)^\\| `([a-zA-Z.]+)` \\|([^|]+)\\|([^|]*)\\| .+ \\|$")

// rows returns the default that the table of options names for each option.
func rows(t *testing.T) map[string]string {
	t.Helper()
	defaults := map[string]string{}
	for _, row := range optionRow.FindAllStringSubmatch(read(t, "docs/options.md"), -1) {
		defaults[row[1]] = strings.TrimSpace(row[3])
	}
	return defaults
}

func TestTableOfOptionsNamesEveryOptionAndItsDefault(t *testing.T) {
	described := rows(t)
	all := options(t, loadPlugin(t).config())
	existing := make([]string, 0, len(all))
	for _, o := range all {
		name := strings.ReplaceAll(o.path, "[0]", "")
		existing = append(existing, name)
		if given, found := described[name]; found && !o.initial.IsZero() {
			assert.Contains(t, given, fmt.Sprintf("`%v`", o.initial), "default of %s", name)
		}
	}
	assert.ElementsMatch(t, existing, slices.Collect(maps.Keys(described)), "the options, and the rows of the table")
}

// A real Traefik has the last word: no sample is refused as unknown or as undecodable. Its meaning may well be.
func TestTraefikDecodesEveryOption(t *testing.T) {
	routers, middlewares := map[string]any{}, map[string]any{}
	all := options(t, loadPlugin(t).config())
	for i, o := range all {
		name := fmt.Sprintf("option%d", i)
		routers[name] = map[string]any{"rule": "Path(`/" + name + "`)", "service": "noop@internal", "middlewares": []string{name}}
		middlewares[name] = map[string]any{"plugin": map[string]any{traefik.PluginName: o.nested()}}
	}
	instance, err := traefik.Start(t.Context(), traefik.Options{
		Dynamic: map[string]any{"http": map[string]any{"routers": routers, "middlewares": middlewares}},
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, instance.Stop()) }()
	assert.NotContains(t, instance.Logs(), "no such option")
	assert.NotContains(t, instance.Logs(), "decode")
}

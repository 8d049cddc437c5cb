// Package configuration_test checks how options reach the plugin: the plugin interpreted, its options decoded by Traefik's
// own code.
package configuration_test

import (
	"context"
	"net/http"
	"reflect"
	"testing"

	"github.com/mitchellh/mapstructure"
	"github.com/stretchr/testify/require"
	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// plugin holds the functions that Traefik calls, interpreted.
type plugin struct {
	createConfig, newHandler reflect.Value
}

// loadPlugin interprets the plugin with an empty environment.
func loadPlugin(t *testing.T) plugin {
	t.Helper()
	goPath := t.TempDir()
	module, err := traefik.Install(goPath)
	require.NoError(t, err)
	i := interp.New(interp.Options{GoPath: goPath})
	require.NoError(t, i.Use(stdlib.Symbols))
	_, err = i.Eval(`import "` + module + `"`)
	require.NoError(t, err)
	find := func(name string) reflect.Value {
		v, err := i.Eval(readManifest(t).packageName() + "." + name)
		require.NoError(t, err)
		return v
	}
	return plugin{createConfig: find("CreateConfig"), newHandler: find("New")}
}

// config returns a pointer to the defaults.
func (p plugin) config() reflect.Value { return p.createConfig.Call(nil)[0] }

// decode sets options over the defaults as Traefik does (newYaegiMiddlewareBuilder in its pkg/plugins).
func (p plugin) decode(options map[string]any) (reflect.Value, error) {
	config := p.config()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook:       mapstructure.StringToSliceHookFunc(","),
		WeaklyTypedInput: true,
		Result:           config.Interface(),
	})
	if err != nil {
		return reflect.Value{}, err
	}
	return config, decoder.Decode(options)
}

// build calls New.
func (p plugin) build(ctx context.Context, config reflect.Value) (http.Handler, error) {
	results := p.newHandler.Call([]reflect.Value{
		reflect.ValueOf(ctx), reflect.ValueOf(http.NotFoundHandler()), config, reflect.ValueOf("test"),
	})
	handler, _ := results[0].Interface().(http.Handler)
	err, _ := results[1].Interface().(error)
	return handler, err
}

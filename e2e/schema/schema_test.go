package schema_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/schema"
)

func TestTheSchemaInTheRepositoryIsTheOptions(t *testing.T) {
	want, err := schema.Generate()
	require.NoError(t, err)
	got, err := os.ReadFile(schema.Path())
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run make schema")
}

type property struct {
	Type                 string
	Description          string
	Default              any
	Enum                 []string
	Required             []string
	Items                *property
	Properties           map[string]*property
	AdditionalProperties any
}

func TestGenerateTellsTypesDefaultsAndChoices(t *testing.T) {
	content, err := schema.Generate()
	require.NoError(t, err)
	var document struct{ Definitions struct{ Options property } }
	require.NoError(t, json.Unmarshal(content, &document))
	options := document.Definitions.Options
	assert.Equal(t, false, options.AdditionalProperties)
	at := options.Properties

	assert.Equal(t, "string", at["timeout"].Type)
	assert.Equal(t, "62s", at["timeout"].Default)
	assert.Contains(t, at["timeout"].Description, "Timeout defines how long")
	assert.Equal(t, "boolean", at["fallback"].Type)
	assert.Equal(t, "integer", at["retry"].Properties["attempts"].Type)
	assert.Equal(t, "string", at["retry"].Properties["causes"].Items.Type)
	assert.Contains(t, at["eventFormat"].Enum, "rest-api")
	assert.Equal(t, []string{"BUFFERED", "RESPONSE_STREAM"}, at["invokeMode"].Enum)
	assert.Equal(t, []string{"routeKey", "function"}, at["routes"].Items.Required)
	assert.Equal(t, map[string]any{"type": "string"}, at["stageVariables"].AdditionalProperties)
	assert.NotContains(t, at, ",remain")
	assert.Contains(t, at["nameAppend"].Description, "NamePrepend and NameAppend", "one comment for both")
}

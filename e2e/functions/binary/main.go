// Command binary is a Lambda function that answers with bytes: a small PNG, or with `?size=` as many bytes as
// asked for, of which the one at n is n modulo 251. Up to 4.7 MB fit into Lambda's 6 MB with base64.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

const maxSize = 16 << 20

func main() {
	lambda.Start(func(raw json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
		contentType, content, err := produce(event.Parse(raw).Parameter("size"))
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		return events.APIGatewayV2HTTPResponse{
			StatusCode:      http.StatusOK,
			Headers:         map[string]string{"content-type": contentType},
			Body:            base64.StdEncoding.EncodeToString(content),
			IsBase64Encoded: true,
		}, nil
	})
}

func produce(size string) (string, []byte, error) {
	if size == "" {
		content, err := picture()
		return "image/png", content, err
	}
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 || n > maxSize {
		return "", nil, fmt.Errorf("size %q is not a number from 0 to %d", size, maxSize)
	}
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i % 251)
	}
	return "application/octet-stream", content, nil
}

func picture() ([]byte, error) {
	const side = 64
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			img.Set(x, y, color.RGBA{R: 255, G: byte(2*x + 60), B: byte(2 * y), A: 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return out.Bytes(), nil
}

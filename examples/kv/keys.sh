#!/bin/sh
# What traefik.yml routes, as keys of Consul:
#
#   ./keys.sh
#   curl -H 'Host: hello.example.com' http://127.0.0.1:8080/
#
# Or of another store, whose command takes a key and a value:
#
#   PUT='etcdctl put' ./keys.sh
#   PUT='redis-cli set' ./keys.sh
#
# All values are text, as in labels. The elements of a list have their index in the key, a map has its own keys there.
# Traefik reads the store while keys are written: write the router last.
set -eu

put() { ${PUT:-consul kv put} "$1" "$2"; }

# A function for a host. The region is in the ARN; with a bare name, set `region` too.
put traefik/http/middlewares/hello/plugin/lambda/function arn:aws:lambda:eu-central-1:123456789012:function:hello
put traefik/http/routers/hello/middlewares hello
put traefik/http/routers/hello/service noop@internal
put traefik/http/routers/hello/rule 'Host(`hello.example.com`)'

# Several functions behind one host, as an HTTP API has them.
put traefik/http/middlewares/api/plugin/lambda/region eu-central-1
put traefik/http/middlewares/api/plugin/lambda/timeout 10s
put traefik/http/middlewares/api/plugin/lambda/routes/0/routeKey 'GET /users/{id}'
put traefik/http/middlewares/api/plugin/lambda/routes/0/function echo
put traefik/http/middlewares/api/plugin/lambda/routes/1/routeKey '$default'
put traefik/http/middlewares/api/plugin/lambda/routes/1/function hello
put traefik/http/middlewares/api/plugin/lambda/eventHeaders/X-Source traefik
put traefik/http/routers/api/middlewares api
put traefik/http/routers/api/service noop@internal
put traefik/http/routers/api/rule 'Host(`api.example.com`)'

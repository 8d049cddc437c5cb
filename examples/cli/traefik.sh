#!/bin/sh
# Traefik configured by flags alone; what it routes is in dynamic.yml beside this file. From any folder:
#
#   git clone --depth 1 https://github.com/seed05e46011/lambda plugins-local/src/github.com/seed05e46011/lambda
#   export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
#   …/examples/cli/traefik.sh
#
# The plugin's sources are below ./plugins-local, as cloned above. To let Traefik fetch a release instead, replace
# `localplugins` by `plugins` and add the flag --experimental.plugins.lambda.version=v0.1.0.
#
# Any flag may be an environment variable instead: TRAEFIK_EXPERIMENTAL_LOCALPLUGINS_LAMBDA_MODULENAME, and so on; then
# all of them have to.
exec traefik \
  --entrypoints.web.address=:8080 \
  --providers.file.filename="$(dirname "$0")/dynamic.yml" \
  --experimental.abortonpluginfailure=true \
  --experimental.localplugins.lambda.modulename=github.com/seed05e46011/lambda \
  "$@"

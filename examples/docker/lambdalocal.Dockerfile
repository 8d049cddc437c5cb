# The local Lambda endpoint and its functions, which `make lambdalocal-image` has built into the context.
FROM scratch
COPY . /
ENTRYPOINT ["/lambdalocal"]

FROM scratch
COPY traefik /
COPY ca-certificates.crt /etc/ssl/certs/
EXPOSE 80
ENTRYPOINT ["/traefik"]

# Two stages: one that can compile, one that can only run. Written for engines old and new.
#
#   docker build -t tokend .
#   docker run -p 127.0.0.1:8080:8080 -v tokend:/var/lib/tokend tokend
#   docker exec -it CONTAINER tokend user add alice --data /var/lib/tokend

FROM debian:bookworm-slim AS build
WORKDIR /source
# The package table and the build options live in ./dev alone. Packages come before the sources, so that a
# changed source does not install them again.
COPY dev ./
RUN ./dev need build
COPY meson.build meson_options.txt ./
COPY migrations migrations
COPY api api
COPY src src
RUN ./dev build && strip -o /tokend build/release/src/tokend

FROM debian:bookworm-slim
# The shared libraries of the binary and nothing else; libsodium is linked statically.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libh2o-evloop0.13 libssl3 libsqlite3-0 libjansson4 libyaml-0-2 libutf8proc2 libcrypt1 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 tokend \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/tokend --no-create-home \
        --shell /usr/sbin/nologin tokend \
 && install -d -m 0700 -o 10001 -g 10001 /var/lib/tokend
COPY --from=build /tokend /usr/bin/tokend

# A number, since orchestrators that demand a non-root user can check no name.
USER 10001:10001
VOLUME ["/var/lib/tokend"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["/usr/bin/tokend", "health", "--data", "/var/lib/tokend"]
# Plain HTTP on all addresses of the container: TLS is the business of what publishes the port. Give other
# arguments to serve with a certificate of its own.
ENTRYPOINT ["/usr/bin/tokend"]
CMD ["serve", "--data", "/var/lib/tokend", "--listen", "0.0.0.0:8080", "--set", "listen.insecure=true"]

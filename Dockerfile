# The service, the tool and the harness in one image: docker build -t gryadka:0.1.0 .
# Where no registry can be reached, `cargo xtask images` makes the same image of what cargo builds here.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /source
COPY . .
RUN cargo build --locked --release --package gryadka-service --package harness

FROM ${BASE_IMAGE}
COPY --from=build /source/target/release/gryadka /source/target/release/harness /usr/local/bin/
USER 65534:65534
EXPOSE 7480
ENTRYPOINT ["/usr/local/bin/gryadka"]

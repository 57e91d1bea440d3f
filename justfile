# What one does often. `just` lists it.

_default:
    @just --list

# Start the server on the embedded default.
run:
    cargo run --release

# All tests.
test:
    cargo test --workspace

# Everything that a change must pass.
ci:
    .ci/run

# Rewrite what tests write: golden samples and the manual of settings.
bless:
    HUB_BLESS=1 cargo test --workspace

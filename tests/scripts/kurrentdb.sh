#!/bin/sh
# Runs the log's suite over the KurrentDB engine against a real server, which HUB_KURRENT_URL
# names: HUB_KURRENT_URL='esdb://admin:changeit@127.0.0.1:2113?tls=false' tests/scripts/kurrentdb.sh
# Each test writes under a prefix of its own, and nothing is deleted: use a server for tests.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${HUB_KURRENT_URL:-}" ]; then
    echo "skipped: HUB_KURRENT_URL names no server, so the KurrentDB engine was not tried on a real one"
    exit 0
fi
cargo test -p hub-events --features kurrentdb --test log kurrentdb
echo "passed: the KurrentDB engine keeps the promises of the log on the server of HUB_KURRENT_URL"

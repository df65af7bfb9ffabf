#!/usr/bin/env bash
# Installs the referees (programs that others wrote) and runs the tests that start them. Arguments go to jest.
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/../.."

.ci/install-referees

export PATH="$PWD/node_modules/.bin:${REFEREE_TOOLS:-$HOME/.cache/predictd-tools}/bin:$PATH"
# One file after the other: they share the cores with the server under test.
exec node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js test/referee --runInBand "$@"

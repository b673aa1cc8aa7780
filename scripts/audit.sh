#!/usr/bin/env bash
# Dependencies: licenses, bans and sources by deny.toml, known vulnerabilities by two advisory databases. The databases are
# on other people's hosts. Where one cannot be reached, that is said at the end and the script fails, since a check that
# did not run has not passed; with `--say`, for machines without a way out, it is only said.
source "$(dirname "$0")/steps.sh"

unchecked=()
say_only=false
if [ "${1:-}" = --say ]; then say_only=true; fi

if [ ! -x "$tools/bin/cargo-deny" ]; then
  step 30 "cargo install cargo-deny into target/tools: it reads deny.toml" \
    cargo install cargo-deny --version 0.20.2 --locked --quiet --root "$tools" --target-dir target/tools/build
fi
step 5 "Crates: licenses, bans and sources (cargo deny)" "$tools/bin/cargo-deny" --locked check bans licenses sources

heading "Crates: the advisory database (cargo deny fetch db)"
if timeout 2m "$tools/bin/cargo-deny" --locked fetch db </dev/null; then
  step 5 "Crates: known vulnerabilities (cargo deny check advisories)" \
    "$tools/bin/cargo-deny" --locked check --disable-fetch advisories
else
  unchecked+=("crates: the RustSec advisory database could not be fetched")
fi

if have ui/package-lock.json; then
  heading "npm packages: known vulnerabilities (npm audit)"
  report=$(mktemp)
  trap 'rm -f "$report"' EXIT
  # Its exit code is the same for a vulnerability and for a registry that does not answer; the report is not.
  timeout 2m npm --prefix ui audit --audit-level=high --json </dev/null >"$report" 2>/dev/null || true
  status=0
  node -e '
    const text = require("fs").readFileSync(process.argv[1], "utf8");
    let report;
    try { report = JSON.parse(text); } catch { process.exit(2); }
    if (report.auditReportVersion === undefined) process.exit(2);
    const found = report.metadata.vulnerabilities;
    for (const [name, one] of Object.entries(report.vulnerabilities)) console.log(`    ${one.severity}: ${name} ${one.range}`);
    console.log(`    critical ${found.critical}, high ${found.high}, moderate ${found.moderate}, low ${found.low}`);
    process.exit(found.critical + found.high > 0 ? 1 : 0);
  ' "$report" || status=$?
  case $status in
    0) ;;
    1) die "an npm package has a known vulnerability of level high or critical" ;;
    *) unchecked+=("npm packages: the registry gave no audit report") ;;
  esac
fi

if [ "${#unchecked[@]}" -gt 0 ]; then
  heading "NOT CHECKED"
  for one in "${unchecked[@]}"; do say "    $one"; done
  if ! $say_only; then die "what was not checked has not passed; run it where the hosts can be reached, or with --say"; fi
  heading "Licenses, bans and sources passed; the above was not checked on this machine"
else
  heading "All of it passed"
fi

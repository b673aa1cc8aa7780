# Of what `cargo test … -- --show-output` prints: all but the tests that passed and what they said. Their figures stay.
# For `sed --unbuffered`: awk may keep lines back until it has a block of them, and somebody is watching.
/^figure: /{
  s/^/    /p
  d
}
/^successes:$/,/^(failures:$|test result: )/{
  /^(failures:$|test result: )/p
  d
}
/^test .* \.\.\. ok$/d
/^running [0-9]+ tests?$/d
/^[[:space:]]*$/d
p

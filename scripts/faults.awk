# Reads the logs named in `logs`, then the rows, and prints the page. See faults.sh.
BEGIN {
  count = split(logs, files, " ")
  for (i = 1; i <= count; i++) read_log(files[i])
  print "# Faults"
  print ""
  print "Written by `scripts/faults.sh` from `tests/faults/rows.txt` and the output of the tests; do not edit. A figure is how"
  print "often the fault struck, or how many cases were tried, and how often the product failed. A test without a figure ran"
  print "once and passed. `CLARA_SOAK_SECONDS=600 scripts/faults.sh` strikes longer and harder."
}

function trim(text) { sub(/^[ \t]+/, "", text); sub(/[ \t]+$/, "", text); return text }

function read_log(file,   line, parts, n, name) {
  while ((getline line < file) > 0) {
    # A test that prints before its verdict leaves both on one line when nothing is captured.
    if ((n = index(line, "figure: ")) > 0) {
      n = split(substr(line, n + 8), parts, "|")
      if (n == 3) { name = trim(parts[1]); tried[name] = trim(parts[2]); failed[name] = trim(parts[3]) }
    } else if (line ~ /^test .* \.\.\. ok$/) {
      name = line; sub(/^test /, "", name); sub(/ \.\.\. ok$/, "", name); sub(/ - should panic$/, "", name)
      sub(/^.*::/, "", name); passed[name] = 1
    } else if (line ~ /^test .* \.\.\. FAILED$/) {
      name = line; sub(/^test /, "", name); sub(/ \.\.\. FAILED$/, "", name); sub(/^.*::/, "", name); broken[name] = 1
    }
  }
  close(file)
}

function wrong(sentence) { print "row " row ": " sentence > "/dev/stderr"; bad++ }

function finish(   i, name, number) {
  if (row == "") return
  if (fault == "" || must == "") wrong("says not what goes wrong or what must happen")
  if (shown == 0 && instead == "") wrong("has neither a test nor a reason")
  print ""
  print "## " row ". " fault
  print ""
  print must
  if (shown > 0) {
    print ""
    print "| Test | Struck | Failed |"
    print "|---|---:|---:|"
  }
  for (i = 1; i <= shown; i++) {
    name = tests[i]; number = figures[i]
    if (name in broken) wrong(name " failed")
    # A figure alone shows nothing: the test that printed it may have got another name.
    else if (!(name in passed)) wrong(name " is in no log")
    if (number in tried) {
      if (failed[number] + 0 > 0) wrong(number ": " failed[number] " failures")
      print "| `" name "` | " tried[number] " | " failed[number] " |"
    } else {
      if (number != name) wrong("no figure has the name " number)
      print "| `" name "` | 1 | 0 |"
    }
  }
  if (instead != "") { print ""; print instead }
  rows++
}

/^#/ { next }
/^[0-9]+$/ { finish(); row = $0; fault = must = instead = ""; shown = 0; if (row != rows + 1) wrong("is out of order"); next }
/^fault: / { fault = substr($0, 8); next }
/^must: / { must = substr($0, 7); next }
/^instead: / { instead = substr($0, 10); next }
/^shown: / {
  text = substr($0, 8); n = index(text, " | ")
  tests[++shown] = n ? substr(text, 1, n - 1) : text
  figures[shown] = n ? substr(text, n + 3) : text
  next
}
/^[ \t]*$/ { next }
{ wrong("a line that means nothing: " $0) }

END {
  finish()
  if (rows != 40) { print "there are " rows " rows" > "/dev/stderr"; bad++ }
  exit bad > 0
}

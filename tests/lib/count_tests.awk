# Counts single tests in the output of ctest -V. Lines of program N begin with "N: ". A cmocka test
# counts by itself; a program without cmocka lines counts as one; a program that died or found a leak
# after its last test counts one failure more. Before the last line stands what the failed tests said,
# the end of each, so that those who see the end of a log see why.
# A result may stand behind text that the test left without a newline, and a child that leaves by
# exit() prints its parent's buffered lines a second time: neither is a failure.
BEGIN { LINES = 50 }
function fail(n, what) { failures[n]++; names[++failed] = what; story[failed] = said[n]; now[n] = failed }
function settle(n) { if (n in running) { fail(n, running[n] ": no result"); delete running[n] } }
function last_lines(text, count,   lines, i, end) {
    end = split(text, lines, "\n") - 1
    for (i = end > count ? end - count + 1 : 1; i <= end; i++) print "    " lines[i]
}
/^test [0-9]+$/ { next }
match($0, /^[0-9]+: /) {
    n = substr($0, 1, RLENGTH - 2)
    line = substr($0, RLENGTH + 1)
    if (match(line, /\[ RUN      \] /)) {
        name = substr(line, RSTART + RLENGTH)
        if (!(n in running) || running[n] != name) { settle(n); running[n] = name; seen[n] = 1 }
        said[n] = ""
        now[n] = 0
        next
    }
    if (line ~ /^\[==========\]/) now[n] = 0
    if (now[n]) story[now[n]] = story[now[n]] line "\n" # the place stands behind the result
    else said[n] = said[n] line "\n"
    if (!(n in running)) next
    else if (line ~ /\[       OK \]/) { passed++; delete running[n] }
    else if (line ~ /\[  SKIPPED \]/) { skipped++; delete running[n] }
    else if (line ~ /\[  (FAILED  |ERROR   )\]/) { fail(n, running[n]); delete running[n] }
    next
}
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/ {
    n = $0; sub(/^[^#]*#/, "", n); sub(/:.*/, "", n)
    settle(n)
    if ($0 ~ / Passed /) { if (!(n in seen)) passed++ }
    else if (!failures[n]) fail(n, $0)
    delete seen[n]; delete failures[n]; delete said[n]; delete now[n]
}
END {
    for (i = 1; i <= failed; i++) {
        print "failed: " names[i]
        last_lines(story[i], int(LINES / failed))
    }
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0 || passed == 0
}

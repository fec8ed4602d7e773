# Counts single tests in the output of ctest -V. Lines of program N begin with "N: ". A cmocka test
# counts by itself; a program without cmocka lines counts as one; a program that died or found a leak
# after its last test counts one failure more. Each failure is named before the last line.
# A result may stand behind text that the test left without a newline, and a child that leaves by
# exit() prints its parent's buffered lines a second time: neither is a failure.
function fail(n, what) { failed++; failures[n]++; print "failed: " what }
function settle(n) { if (n in running) { fail(n, running[n] ": no result"); delete running[n] } }
/^test [0-9]+$/ { next }
match($0, /^[0-9]+: /) {
    n = substr($0, 1, RLENGTH - 2)
    line = substr($0, RLENGTH + 1)
    if (match(line, /\[ RUN      \] /)) {
        name = substr(line, RSTART + RLENGTH)
        if (!(n in running) || running[n] != name) { settle(n); running[n] = name; seen[n] = 1 }
    }
    else if (!(n in running)) next
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
    delete seen[n]; delete failures[n]
}
END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }

# Counts single tests in the output of ctest -V. Lines of program N begin with "N: ". A cmocka test
# counts by itself; a program without cmocka lines counts as one; a program that died or found a leak
# after its last test counts one failure more.
function settle(n) { if (n in running) { failed++; failures[n]++; delete running[n] } }
/^test [0-9]+$/ { next }
match($0, /^[0-9]+: /) {
    n = substr($0, 1, RLENGTH - 2)
    line = substr($0, RLENGTH + 1)
    if (line ~ /^\[ RUN      \]/) { settle(n); running[n] = 1; seen[n] = 1 }
    else if (n in running && line ~ /^\[       OK \]/) { passed++; delete running[n] }
    else if (n in running && line ~ /^\[  SKIPPED \]/) { skipped++; delete running[n] }
    else if (n in running && line ~ /^\[  (FAILED  |ERROR   )\]/) { failed++; failures[n]++; delete running[n] }
    next
}
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/ {
    n = $0; sub(/^[^#]*#/, "", n); sub(/:.*/, "", n)
    settle(n)
    if ($0 ~ / Passed /) { if (!(n in seen)) passed++ }
    else if (!failures[n]) failed++
    delete seen[n]; delete failures[n]
}
END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }

#!/bin/bash
# Breaks the checkers of transactions in one place at a time, in a copy of the tree, and says whether
# a test notices: a mutation that survives shows what no test would see.
#
# usage: tests/mutations/transactions.sh [FIRST [LAST]]     (numbers of mutations; all unless told)
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/mutations.XXXXXX")
trap 'rm -rf "$copy"' EXIT
tests="test_txn_anomalies test_timestamps test_lattice test_timestamps_oracle test_txn_words test_txn_cycles test_txn_polygraph
       test_txn_stores test_txn_oracle"

# file | sed expression
mutations=(
    "graph.c|s/if (at > 0)/if (at > 1)/"
    "components.c|s/t->number\[target\] < t->low\[product\]/t->number[target] > t->low[product]/"
    "components.c|s/automaton.next\[1\]\[TXN_RW\] = -1/automaton.next[1][TXN_RW] = 1/"
    "search.c|s/length < walker->best/length + 1 < walker->best/"
    "search.c|s/bits\[components.of\[anchors->start\[a\] \* states\]\]/bits[components.of[anchors->start[0] * states]]/"
    "cycle.c|s/if ((known \& FOUND(anomaly)) ||/if (/"
    "lattice.c|s/\[TXN_G2_ITEM\] = {\"G2-item\", LEVEL(REPEATABLE_READ)/[TXN_G2_ITEM] = {\"G2-item\", LEVEL(STRICT_SERIALIZABLE)/"
    "order.c|s/txn_end(set, by_end\[ended\]) < start/txn_end(set, by_end[ended]) <= start + 1/"
    "order.c|s/if (txn_is_committed(set, t))/if (1)/"
    "append.c|s/key->trusted = same < key->trusted ? same : key->trusted;/;/"
    "append_edges.c|s/return place == key->trusted ? key->trusted/return place == key->trusted ? TXN_NONE/"
    "append_edges.c|s/set->mop_txn\[mop\], TXN_WR);/set->mop_txn[mop], TXN_RW);/"
    "append_direct.c|s/if (known.count + own != list->count)/if (0)/"
    "append_direct.c|s/model->place\[before\] < model->place\[mop\]/1/"
    "register_edges.c|s/add_missed(model, \&writes, edges);/;/"
    "register_edges.c|s/add_missed(model, \&updates, edges);/;/"
    "register_direct.c|s/if (set->type\[writer\] == RIFT_OP_FAIL)/if (0)/"
    "register_realtime.c|s/low = skip_a + 1;/low = skip_a;/"
    "weak.c|s/at->writer\[0\] != t2 ? at->writer\[0\] : at->writer\[1\]/at->writer[0]/"
    "weak_causal.c|s/limit = clock\[s\] - (s == own/limit = clock[s] - (s != own/"
    "polygraph_prune.c|s/closes(polygraph, closure, model->reader\[r\], after, TXN_RW)/1/"
    "polygraph_attempt.c|s/if (guess->unread\[version\] > own)/if (0)/"
    "polygraph_search.c|s/ccadical_add(search->solver, -other);/;/"
    "append_unseen.c|s/|| append_is_trusted(model, mop);/|| true;/"
    "cycle.c|s/txn_graph_merge_predicates(\&merged);/;/"
    "load.c|s/if (key->option\[i\].txn != set->count)/if (i == 0)/"
    "load.c|s/if (own_write(set, key->key) != TXN_NONE)/if (0)/"
    "register.c|s/is_selected\[before\] \&= is_selected\[mop\];/;/"
    "polygraph_prune.c|s/if (!txn_is_committed(set, other))/if (0)/"
    "findings.c|s/looked_at \&= (txn_relations)~txn_relation_bit(TXN_REALTIME);/;/"
    "timestamps.c|s/return x->is_start ? 1 : -1;/return x->is_start ? -1 : 1;/"
    "timestamps.c|s/judge->commit\[other\] > judge->start\[txn\]/0/"
    "timestamps.c|s/if (loaded == 0 \&\& only_reads_lists(\&set))/if (0)/"
    "snapshots.c|s/if (xid >= snapshot->xmax)/if (xid > snapshot->xmax)/"
    "snapshots.c|s/snapshot->xmax - 1 - open_count;/snapshot->xmax - 1;/"
    "snapshots.c|s/(set->type\[t\] == RIFT_OP_INFO \&\& is_seen\[t\])/true/"
    "weak_index.c|s/moment += is_first;/moment++;/"
    "register_edges.c|s/^                     name_b, name_a);/                     name_a, name_b);/"
    "findings.c|s/had ended before %s started\", name_a, name_b/had ended before %s started\", name_b, name_a/"
    "append_edges.c|s/%s did not observe %s's append of \", sentence->name_a,/%s did not observe %s's append of \", sentence->name_b,/"
    "txns.c|s/set->direct_first\[k\] = (uint32_t)direct_count/set->direct_first[k] = 0/"
    "components.c|s/--waits_for\[target\] == 0)/--waits_for[target] <= 1)/"
    "polygraph_back.c|s/guess->unread\[model->read_version\[mop\]\]++/;/"
    "polygraph_back.c|s/add_choices_of(guess, lesson, conflict);/;/"
    "polygraph_guess.c|s/(!guess.into || is_explanation(\&guess))/!guess.into/"
    "weak_index.c|s/keys\[at - 1\] > key/keys[at - 1] < key/"
)

mkdir "$copy/tree"
(cd "$root" && git ls-files -z | xargs -0 cp --parents -t "$copy/tree")
cd "$copy/tree"
cmake --preset release >/dev/null || exit 1
nice cmake --build build --target $tests >/dev/null 2>&1 || { echo "the tree does not build"; exit 1; }
survived=0
for i in "${!mutations[@]}"; do
    number=$((i + 1))
    [ "$number" -lt "${1:-1}" ] && continue
    [ "$number" -gt "${2:-${1:-${#mutations[@]}}}" ] && continue
    file=checkers/txn/${mutations[$i]%%|*}
    expression=${mutations[$i]#*|}
    cp "$file" "$copy/kept"
    sed -i "$expression" "$file"
    if cmp -s "$file" "$copy/kept"; then
        echo "$number $file: the expression fits nothing any more: $expression"
        survived=$((survived + 1))
        continue
    fi
    outcome=survived
    if ! nice cmake --build build --target $tests >/dev/null 2>&1; then
        outcome="does not build"
    else
        for test in $tests; do
            nice timeout 600 "build/$test" >/dev/null 2>&1
            case $? in
            0) continue ;;
            124) outcome="late in $test, which says nothing" ;;
            *) outcome="caught by $test" ;;
            esac
            break
        done
    fi
    echo "$number $file: $outcome: $expression"
    case $outcome in caught*) ;; *) survived=$((survived + 1)) ;; esac
    cp "$copy/kept" "$file"
done
echo "$survived not caught"
[ "$survived" -eq 0 ]

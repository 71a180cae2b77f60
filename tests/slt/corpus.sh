#!/usr/bin/env bash
# corpus.sh CORPORA FLYSLT...: a slice of SQLite's scripts, or with SLICE=all every one.
#
# CORPORA is the folder of test data beside the checkout; without it nothing is run. FLYSLT may
# bring options. SLICE is a list of names, such as 'test/evidence test/random/expr'.
set -euo pipefail
corpora=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -f "$corpora/slt-dev.tar.zst" ]; then
    echo "corpus.sh: $corpora/slt-dev.tar.zst is not there: nothing was run"
    exit
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The first script of each kind, and what is small.
slice=${SLICE:-test/evidence test/select1.test test/select2.test test/select3.test
    test/index/delete/10/slt_good_0.test test/index/orderby/10/slt_good_1.test
    test/index/view/10/slt_good_5.test test/random/aggregates/slt_good_4.test
    test/random/expr/slt_good_0.test test/random/groupby/slt_good_1.test
    test/random/select/slt_good_5.test test/index/in/10/slt_good_0.test
    test/index/between/10/slt_good_2.test test/index/random/10/slt_good_3.test
    test/index/commute/10/slt_good_5.test}
if [ "$slice" = all ]; then
    slice=test
fi
zstd -dcq "$corpora/slt-dev.tar.zst" >"$dir/all.tar"
# Of the names in the slice those that are in the archive: a folder stands for what is in it.
tar tf "$dir/all.tar" >"$dir/names"
for name in $slice; do
    grep -E "^(\./)?$name(/.*\.test)?$" "$dir/names" || true
done | grep '\.test$' | sort -u >"$dir/slice"
tar xf "$dir/all.tar" -C "$dir" -T "$dir/slice"
rm "$dir/all.tar"
"$@" --skip-list "$here/corpus.skip" "$dir/test"

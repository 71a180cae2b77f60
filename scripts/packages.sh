#!/usr/bin/env bash
# packages.sh PURPOSE...: install the Debian packages that are missing for build, test, docs, bench.
# packages.sh --list: print the table.
set -euo pipefail

# The one table: what is built with which packages.
table='
make                  build
gcc                   build
libc6-dev             build
cmake                 build
ninja-build           build
pkg-config            build
libssl-dev            build
libzstd-dev           build
libicu-dev            build
libedit-dev           build
libargon2-dev         build
libcrypt-dev          build
check                 test
zstd                  test
g++                   test
clang                 test
libclang-rt-dev       test
clang-format          test
clang-tidy            test
python3               test
postgresql-client-15  test
postgresql-15         test
python3-psycopg       test
python3-psycopg2      test
python3-asyncpg       test
python3-pyodbc        test
odbc-postgresql       test
pgbouncer             test
sysbench              test
python3-sqlalchemy    test
python3-django        test
libpostgresql-jdbc-java test
default-jdk-headless  test
doxygen               test docs
lcov                  coverage
liblmdb-dev           bench
libwiredtiger-dev     bench
librocksdb-dev        bench
libsqlite3-dev        bench
libpq-dev             test bench
'

if [ "${1:-}" = --list ]; then
    echo "$table"
    exit
fi
if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: this is not Debian; what is needed must be there already:$table" >&2
    exit
fi

missing=()
while read -r package purposes; do
    for purpose in "$@"; do
        if [[ " $purposes " == *" $purpose "* ]] &&
            ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
            missing+=("$package")
        fi
    done
done <<<"$table"
if [ ${#missing[@]} -eq 0 ]; then
    exit
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "packages.sh: neither root nor sudo; please have these installed:" >&2
        echo "    apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}"

"""symbols.py ROOT BUILD: what the static libraries export, call and keep.

  - exported symbols begin as the exports column of docs/layers.txt says: with fly_page_, or with
    fly__page_ if only the library itself is to use them;
  - libraries other than libbase get memory, files, time, randomness, threads and log from their
    fly_env: they call none of the system's functions for them;
  - no library calls what hides state, exits, or overruns buffers; base-testing, being a tool of
    tests, may;
  - libraries other than libbase keep no mutable globals.

Read from the compiled libraries, because there no macro hides a call.
"""

import os
import re
import subprocess
import sys

import tree

WORLD = set("""
    malloc calloc realloc reallocarray free strdup strndup posix_memalign aligned_alloc memalign
    asprintf vasprintf getline getdelim mmap mremap munmap madvise brk sbrk
    time gettimeofday clock clock_gettime nanosleep clock_nanosleep sleep usleep
    rand rand_r srand random srandom drand48 lrand48 getrandom getentropy arc4random
    RAND_bytes RAND_priv_bytes
    printf vprintf fprintf vfprintf dprintf vdprintf puts putchar fputs fputc putc fwrite perror
    stdin stdout stderr syslog vsyslog
    open openat creat close read write pread pwrite preadv pwritev readv writev lseek
    fsync fdatasync ftruncate truncate unlink rename remove mkdir rmdir opendir readdir stat fstat
    fopen fdopen freopen fclose fread tmpfile mkstemp
    pthread_create pthread_mutex_lock pthread_cond_wait pthread_rwlock_rdlock sem_wait thrd_create
    getenv secure_getenv syscall abort
""".split())

# What a layer may use of the world all the same: sockets are no files, and need to be closed too.
ALLOWED = {"net": {"close", "unlink", "stat"}, "net-client": {"close"}}

NEVER = set("""
    strcpy strcat sprintf vsprintf gets stpcpy strtok strerror asctime ctime gmtime localtime
    setlocale atoi atol atoll atof setjmp longjmp siglongjmp exit quick_exit system popen signal
    setenv putenv unsetenv
""".split())


def plain(symbol):
    """The function as it was written: what the C library's headers made of its name, undone."""
    symbol = symbol.split("@")[0]
    symbol = re.sub(r"^(__isoc\d+_|_+(?=\w+_chk$)|_+(?=(sig)?setjmp$))", "", symbol)
    return re.sub(r"(_chk|64)$", "", symbol).replace("sigsetjmp", "setjmp")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_exports(layer, archive, complaints):
    defined = run("nm", "--defined-only", "--extern-only", "--format=posix", archive)
    for line in defined.splitlines():
        symbol = line.split(" ")[0]
        if not line.endswith(":") and symbol and not symbol.startswith(tuple(layer.exports)):
            complaints.add(layer.name, f"exports {symbol}; its names begin with "
                                       + " or ".join(layer.exports))


def check_calls(layer, archive, complaints):
    """`nm -A` begins each line with "archive:member:" or "archive[member]:"."""
    for line in run("nm", "-A", "--undefined-only", "--format=posix", archive).splitlines():
        where, symbol = re.match(r".*?(?:\[|:)([^\[\]:]+\.o)\]?: (\S+)", line).groups()
        if plain(symbol) in NEVER and layer.name != "base-testing":
            complaints.add(f"{layer.name}, {where}", f"uses {plain(symbol)}, which nobody may")
        elif (plain(symbol) in WORLD - ALLOWED.get(layer.name, set())
              and not layer.name.startswith("base")):
            complaints.add(f"{layer.name}, {where}",
                           f"uses {plain(symbol)}; the world comes from fly_env")


def check_globals(layer, archive, complaints):
    """Constant tables of pointers lie in .data.rel.ro, so the section tells more than nm does."""
    pattern = re.compile(r"^[0-9a-f]+ .{7} (\.t?(?:data|bss)(?:\.(?!rel\.ro)\S*)?|\*COM\*)"
                         r"\s+[0-9a-f]+ +(?:\.hidden )?(\w\S*)$", re.MULTILINE)
    for section, symbol in pattern.findall(run("objdump", "-t", archive)):
        if not layer.name.startswith("base"):
            complaints.add(layer.name, f"{symbol} in {section} is a mutable global")


def main(root, build):
    complaints = tree.Complaints()
    checked = 0
    for layer in tree.layers(root).values():
        archive = os.path.join(build, "lib", f"libfly-{layer.name}.a")
        if os.path.exists(archive):
            checked += 1
            check_exports(layer, archive, complaints)
            check_calls(layer, archive, complaints)
            check_globals(layer, archive, complaints)
    if checked == 0:
        complaints.add(build, "no library was built")
    complaints.finish(f"symbols of {checked} libraries")


main(*sys.argv[1:3])

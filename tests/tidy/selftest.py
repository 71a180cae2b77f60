"""selftest.py CHECKS: every check accepts a sound tree and finds the fault planted in it.

A case plants one fault in a file of the sound tree, or in a new one, and names the check that must
fail and what it must say. A rule without a case here may have died unseen.
"""

import os
import shutil
import subprocess
import sys
import tempfile

ROW = "%-8s  %-10s  -  %s\n"
HEADER = """/**
 * @file %(name)s.h
 * @brief A layer for the checks to read.
 */
#ifndef FLY_%(upper)s_H
#define FLY_%(upper)s_H
/** @defgroup %(name)s lib%(name)s: a layer */
/** @addtogroup %(name)s
 *  @{ */

#define FLY_%(upper)s_VERSION "1.2.3" /**< semantic version */

/** Answer. */
int fly_%(name)s_answer(void);

/** @} */
#endif
"""
SOURCE = """#include <fly/%(name)s.h>

int fly_%(name)s_answer(void)
{
    return 42;
}
"""


def sound_tree():
    """Three layers; page stands on base, wal beside it."""
    tree = {"docs/layers.txt": ROW % ("base", "-", "fly_") + ROW % ("page", "base", "fly_page_")
                               + ROW % ("wal", "base", "fly_wal_"),
            "README.md": "# Top\n\nSee [libbase](libbase/README.md#libbase-the-ground).\n"}
    for name in ("base", "page", "wal"):
        words = {"name": name, "upper": name.upper()}
        tree[f"lib{name}/CMakeLists.txt"] = f"fly_library({name} src/{name}.c)\n"
        tree[f"lib{name}/include/fly/{name}.h"] = HEADER % words
        tree[f"lib{name}/src/{name}.c"] = SOURCE % words
        tree[f"lib{name}/README.md"] = f"# lib{name}: the ground\n"
        tree[f"lib{name}/CHANGELOG.md"] = "# Changes\n\n## 1.2.3\n"
    return tree


PAGE = "libpage/src/page.c"
PAGE_H = "libpage/include/fly/page.h"
TEST = "libpage/tests/test_page.c"
DIRTY = "/ho" + "me/somebody/x"  # in two pieces, or the check would find it here

CASES = [
    # check, file, the fault (text to add, a replacement, or None to delete it), the complaint
    ("format", PAGE, "int  x;\n", "clang-format-violations"),
    ("layers", PAGE, "#include <fly/wal.h>\n", "page may not include fly/wal.h"),
    ("layers", TEST, "#include <fly/wal.h>\n", "page may not include fly/wal.h"),
    ("layers", PAGE_H, "#include <fly/wal.h>\n", "page may not include fly/wal.h"),
    ("layers", PAGE, "#include <fly/sql.h>\n", "no library has fly/sql.h"),
    ("layers", PAGE, '#include "../../libwal/src/wal.c"\n', "climbs out of its folder"),
    ("layers", PAGE, '#include "wal_int.h"\n', "wal_int.h is not in this library"),
    ("layers", PAGE, '#include "fly/page.h"\n', "fly/page.h is public"),
    ("layers", PAGE_H, '#include "page.c"\n', "a public header includes the private page.c"),
    ("layers", "libpage/include/fly/slot.h", "", "a public header of libpage is fly/page.h"),
    ("layers", "libpage/include/fly/page_int.h", "", "a public header of libpage is fly/page.h"),
    ("symbols", PAGE, "int slots(void);\nint slots(void)\n{\n    return 1;\n}\n", "exports slots"),
    ("symbols", PAGE, "#include <stdlib.h>\nvoid *fly_page_x(void);\n"
                      "void *fly_page_x(void)\n{\n    return malloc(8);\n}\n", "uses malloc"),
    ("symbols", PAGE, "#include <stdio.h>\nvoid fly_page_x(int x);\n"
                      "void fly_page_x(int x)\n{\n    printf(\"%d\", x);\n}\n", "uses printf"),
    ("symbols", PAGE, "#include <time.h>\ntime_t fly_page_x(void);\n"
                      "time_t fly_page_x(void)\n{\n    return time(0);\n}\n", "uses time"),
    ("symbols", "libbase/src/base.c", "#include <string.h>\nchar *fly_x(char *x, char *y);\n"
     "char *fly_x(char *x, char *y)\n{\n    return strcpy(x, y);\n}\n", "uses strcpy"),
    ("symbols", PAGE, "static int calls;\nint fly_page_x(void);\n"
                      "int fly_page_x(void)\n{\n    return ++calls;\n}\n", "calls in .bss"),
    ("headers", PAGE_H, "#ifdef __cplusplus\nsize_t x;\n#endif\n", "does not compile alone"),
    ("headers", PAGE_H, "static inline char f(int x)\n{\n    return x;\n}\n", "-Werror=conversion"),
    ("headers", PAGE_H, "#include <fly/wal.h>\n", "does not compile alone"),
    ("docs", PAGE_H, "int fly_page_quiet(void);\n", "fly_page_quiet has no comment"),
    ("docs", PAGE_H, "/** @param y wrong */\nint fly_page_wrong(int x);\n", "argument 'y'"),
    ("docs", PAGE_H, "/** @defgroup page again */\n", "stands 2 times"),
    ("docs", "libpage/README.md", None, "README.md: is missing"),
    ("docs", "libpage/CHANGELOG.md", None, "CHANGELOG.md: is missing"),
    ("docs", "libpage/CHANGELOG.md", ("1.2.3", "1.2.2"), "its newest version is 1.2.2"),
    ("links", "README.md", "[lost](docs/lost.md)\n", "links to docs/lost.md"),
    ("links", "README.md", "[lost](libbase/README.md#the-sky)\n", "there is no such heading"),
    ("links", PAGE, "/* See docs/" + "lost.md. */\n", "speaks of docs/" + "lost.md"),
    ("text", PAGE, "int x; \n", "ends in white space"),
    ("text", PAGE, "\tint x;\n", "contains a tab"),
    ("text", PAGE, "int x;\r\n", "ends in white space"),
    ("text", PAGE, "int x;", "its last line does not end"),
    ("text", "README.md", f"In {DIRTY}.\n", "a path of somebody's machine"),
    ("text", "run.sh", "#" * 101 + "\n", "has 101 columns"),
    ("clang_tidy", PAGE, "int fly_page_x(int x);\nint fly_page_x(int x)\n{\n"
                         "    return x == 0 ? x + 1 : x + 1;\n}\n", "bugprone-branch-clone"),
]


def plant(tree, path, fault):
    if fault is None:
        del tree[path]
    elif isinstance(fault, tuple):
        tree[path] = tree[path].replace(*fault)
    else:
        before, end, after = tree.get(path, "").partition("/** @} */")
        tree[path] = before + fault + end + after


def write(tree, root):
    for path, text in tree.items():
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8", newline="") as file:
            file.write(text)


def build(root, names):
    """The libraries of the tree, as symbols.py expects them."""
    os.makedirs(f"{root}/build/lib", exist_ok=True)
    for name in names:
        subprocess.run(["cc", "-O1", "-fPIC", f"-I{root}/libbase/include", "-w", "-c",
                        f"-I{root}/lib{name}/include", f"{root}/lib{name}/src/{name}.c",
                        "-o", f"{root}/build/{name}.c.o"], check=True)
        subprocess.run(["ar", "rcs", f"{root}/build/lib/libfly-{name}.a",
                        f"{root}/build/{name}.c.o"], check=True)


def command(checks, check, root):
    if check == "clang_tidy":
        # Without a compilation database clang-tidy takes the flags that follow "--".
        return ["clang-tidy", "--quiet", f"{root}/{PAGE}", "--", f"-I{root}/libpage/include"]
    if check == "format":
        return ["bash", f"{checks}/format.sh", root]
    return [sys.executable, "-B", f"{checks}/{check}.py", root, f"{root}/build"]


def run(checks, check, tree):
    """Whether the check accepts the tree, and what it says."""
    with tempfile.TemporaryDirectory() as root:
        write(tree, root)
        top = os.path.dirname(os.path.dirname(checks))
        for name in (".clang-format", ".clang-tidy", "docs/Doxyfile", "docs/api.md"):
            shutil.copy(f"{top}/{name}", f"{root}/{name}")
        if check == "symbols":
            build(root, ("base", "page", "wal"))
        result = subprocess.run(command(checks, check, root), capture_output=True, text=True)
        return result.returncode == 0, result.stdout + result.stderr


def main(checks):
    failures = 0
    for check in dict.fromkeys(case[0] for case in CASES):
        accepted, said = run(checks, check, sound_tree())
        if not accepted:
            failures += 1
            print(f"{check} rejects the sound tree:\n{said}")
    for check, path, fault, complaint in CASES:
        tree = sound_tree()
        plant(tree, path, fault)
        accepted, said = run(checks, check, tree)
        if accepted or complaint not in said:
            failures += 1
            print(f"{check} did not find {fault!r} in {path} ({complaint}); it said:")
            print(said[:2000])
    print(f"{len(CASES)} planted faults, {failures} failures")
    sys.exit(1 if failures else 0)


main(os.path.abspath(sys.argv[1]))

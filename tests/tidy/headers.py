"""headers.py ROOT: every public header compiles alone, as C17 and as C++17, by gcc and by clang.

Included twice, so that its guard is tried; with and without the definitions that change inline
functions; with only the include paths of the layers that it may know.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import tree

WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
COMPILERS = [["gcc", "-x", "c", "-std=c17"], ["clang", "-x", "c", "-std=c17"],
             ["g++", "-x", "c++", "-std=c++17"], ["clang++", "-x", "c++", "-std=c++17"]]
DEFINITIONS = [[], ["-DFLY_POINTS=1", "-DFLY_NO_OPTIMISTIC=1", "-DFLY_SLOW_ASSERTS=1"]]


def compile_alone(root, header, layer, compiler, definitions):
    paths = [f"-I{os.path.join(root, 'lib' + name.replace('-', '/'), 'include')}"
             for name in [layer.name] + layer.depends]
    command = compiler + WARNINGS + paths + definitions + ["-fsyntax-only", "-"]
    result = subprocess.run(command, input=f"#include <{header}>\n#include <{header}>\n",
                            capture_output=True, text=True)
    return header, " ".join(compiler + definitions), result.stderr if result.returncode else ""


def main(root):
    complaints = tree.Complaints()
    public = tree.headers(root, tree.layers(root))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(compile_alone, root, header, layer, compiler, definitions)
                for header, layer in public.items()
                for compiler in COMPILERS for definitions in DEFINITIONS]
    for header, how, errors in (run.result() for run in runs):
        if errors:
            complaints.add(f"{header} by {how}", "does not compile alone\n" + errors)
    complaints.finish(f"{len(public)} public headers")


main(sys.argv[1])

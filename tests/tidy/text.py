"""text.py ROOT: plain text, the same on every machine.

UTF-8, lines that end in \\n and in nothing invisible, no tabs but in a Makefile, a last line that
ends, scripts within 100 columns (format.sh sees to C), and no path of somebody's machine.
"""

import os
import re
import sys

import tree

KINDS = (".c", ".h", ".cpp", ".md", ".txt", ".py", ".sh", ".cmake", ".in", ".json", ".clang-format",
         ".clang-tidy", ".gitignore", "Makefile", "Doxyfile", ".ci/run")
NARROW = (".py", ".sh", ".cmake", ".in", "CMakeLists.txt", ".ci/run")
MACHINE = re.compile(r"(?<![\w./}])/(?:work|root|home|Users)/\w")


def check_line(where, path, line, complaints):
    if line != line.rstrip():
        complaints.add(where, "ends in white space")
    if "\t" in line and not path.endswith("Makefile"):
        complaints.add(where, "contains a tab")
    if len(line) > 100 and path.endswith(NARROW):
        complaints.add(where, f"has {len(line)} columns, not at most 100")
    if MACHINE.search(line):
        complaints.add(where, "names a path of somebody's machine")


def main(root):
    complaints = tree.Complaints()
    paths = [path for path in tree.files(root, *KINDS, "run") if path.endswith(KINDS)]
    for path in paths:
        with open(os.path.join(root, path), "rb") as file:
            raw = file.read()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            complaints.add(path, f"is not UTF-8: {error}")
            continue
        if raw and not raw.endswith(b"\n"):
            complaints.add(path, "its last line does not end")
        for number, line in enumerate(text.split("\n"), 1):
            check_line(f"{path}:{number}", path, line, complaints)
    complaints.finish(f"text of {len(paths)} files")


main(sys.argv[1])

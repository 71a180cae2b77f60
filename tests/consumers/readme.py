"""readme.py PREFIX LAYER README: the programs in a library's README work as they stand there.

Each block of C that has a main() is built against the installed layer, as pkg-config says, and run
in an empty folder; a block of "c no_run", which needs a server, is only built. Exit status 77 says
that there is no program.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile


def flags(prefix, layer):
    for folder, _, names in os.walk(prefix):
        if f"fly-{layer}.pc" in names:
            said = subprocess.run(["pkg-config", "--static", "--cflags", "--libs", f"fly-{layer}"],
                                  env=os.environ | {"PKG_CONFIG_PATH": folder}, check=True,
                                  capture_output=True, text=True)
            return shlex.split(said.stdout)
    sys.exit(f"fly-{layer} is not installed in {prefix}")


def main(prefix, layer, readme):
    if not os.path.exists(readme):
        sys.exit(77)  # tidy.docs complains
    with open(readme, encoding="utf-8") as file:
        blocks = re.findall(r"^```c( no_run)?\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    programs = [block for block in blocks if "int main(" in block[1]]
    for no_run, program in programs:
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/program.c", "w", encoding="utf-8") as file:
                file.write(program)
            subprocess.run(["cc", "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                            "program.c", *flags(prefix, layer), "-o", "program"],
                           cwd=folder, check=True)
            os.remove(f"{folder}/program.c")
            if not no_run:
                subprocess.run(["./program"], cwd=folder, check=True)
    sys.exit(0 if programs else 77)


main(*sys.argv[1:4])

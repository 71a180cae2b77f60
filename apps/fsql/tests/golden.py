"""golden.py FOLDER FSQL... [-- ARGUMENT...]: scripts in the folder give what stands beside them.

Each name.sql is run by fsql; what it prints, complaints among it, must be name.out. With
FSQL_REWRITE set the files are written anew: look at the difference before you keep it.
"""

import difflib
import os
import subprocess
import sys

folder = sys.argv[1]
rest = sys.argv[2:]
cut = rest.index("--") if "--" in rest else len(rest)
program, arguments = rest[:cut], rest[cut + 1:] or [":memory:"]
environment = {key: value for key, value in os.environ.items() if not key.startswith("FSQL_H")}
failed = 0
for name in sorted(os.listdir(folder)):
    if not name.endswith(".sql"):
        continue
    done = subprocess.run(program + arguments + ["-f", name], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd=folder, text=True, timeout=60,
                          env=environment, check=False)
    expected = os.path.join(folder, name[:-4] + ".out")
    if "FSQL_REWRITE" in os.environ:
        with open(expected, "w", encoding="utf-8") as file:
            file.write(done.stdout)
        continue
    with open(expected, encoding="utf-8") as file:
        wanted = file.read()
    if done.stdout != wanted or done.returncode != 0:
        failed += 1
        print(f"{name}: exit code {done.returncode}")
        sys.stdout.writelines(difflib.unified_diff(wanted.splitlines(True),
                                                   done.stdout.splitlines(True),
                                                   "expected", "got"))
sys.exit(1 if failed else 0)

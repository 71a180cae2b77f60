"""configuration.py MANUAL COMMAND...: the manual has the table of settings that flyd has.

With --write in place of a comparison: configuration.py --write MANUAL COMMAND...
"""

import subprocess
import sys

BEGIN = "<!-- the settings, as flyd --print-settings has them: begin -->\n"
END = "<!-- the settings: end -->\n"


def main(arguments):
    write = arguments[0] == "--write"
    path, *command = arguments[1:] if write else arguments
    table = subprocess.run([*command, "--print-settings"], capture_output=True, text=True,
                           check=True).stdout
    with open(path) as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    wanted = before + BEGIN + "\n" + table + "\n" + END + after
    if write:
        with open(path, "w") as file:
            file.write(wanted)
    elif text != wanted:
        sys.exit(f"{path} is not what flyd says: run configuration.py --write")


main(sys.argv[1:])

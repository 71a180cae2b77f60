"""layers.py ROOT: includes obey docs/layers.txt.

  - no include contains "..";
  - <fly/x.h> exists and belongs to the file's own library or to one that its row names; tests may
    also include the simulated world, and what lies outside the libraries any header;
  - "x_int.h" is private: it lies in the same library, and no public header includes it;
  - a library's public headers are fly/<library>.h and fly/<library>_*.h.
"""

import os
import re
import sys

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def check_fly(where, name, layer, in_tests, public, complaints):
    """An include of a public header."""
    if name not in public:
        complaints.add(where, f"no library has {name}")
    elif layer:
        allowed = [layer.name] + layer.depends + (["base-testing"] if in_tests else [])
        if public[name].name not in allowed:
            complaints.add(where, f"{layer.name} may not include {name}: docs/layers.txt does not "
                                  f"name {public[name].name} for it")


def check_private(root, path, where, name, layer, complaints):
    """An include of a file beside the includer or, from a test, in its library's src/ or in its
    program's folder; or in that of a program whose parts the includer's is linked with."""
    places = [os.path.dirname(path)] + ([layer.folder + "/src"] if layer else [])
    if path.startswith("apps/"):
        program = "/".join(path.split("/")[:2])
        recipe = program + "/CMakeLists.txt"
        if os.path.exists(os.path.join(root, recipe)):
            parts = re.findall(r"\b(\w+)_parts\b", tree.read(root, recipe))
            places += [program] + ["apps/" + part for part in parts]
    if layer and path.startswith(layer.folder + "/include/"):
        complaints.add(where, f"a public header includes the private {name}")
    elif not any(os.path.exists(os.path.join(root, place, name)) for place in places):
        complaints.add(where, f"{name} is not in this library or program")


def main(root):
    complaints = tree.Complaints()
    known = tree.layers(root)
    public = tree.headers(root, known)
    for header, layer in public.items():
        library = layer.name.split("-")[0]
        if not re.fullmatch(rf"fly/{library}(_\w+)?\.h", header) or header.endswith("_int.h"):
            complaints.add(f"{layer.folder}/include/{header}",
                           f"a public header of lib{library} is fly/{library}.h or "
                           f"fly/{library}_*.h")

    sources = list(tree.files(root, ".c", ".h", ".cpp"))
    for path in sources:
        layer = tree.layer_of(known, path)
        in_tests = layer and path.startswith(layer.folder + "/tests/")
        text = tree.read(root, path)
        for match in INCLUDE.finditer(text):
            where = f"{path}:{text.count(chr(10), 0, match.start(2)) + 1}"
            quote, name = match.groups()
            if ".." in name:
                complaints.add(where, f'"{name}" climbs out of its folder')
            elif name.startswith("fly/"):
                if quote == '"':
                    complaints.add(where, f"{name} is public: <{name}>")
                check_fly(where, name, layer, in_tests, public, complaints)
            elif quote == '"':
                check_private(root, path, where, name, layer, complaints)
    complaints.finish(f"includes of {len(sources)} files")


main(sys.argv[1])

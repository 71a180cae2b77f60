"""What the checks share: the layers of docs/layers.txt, the files of the tree, and complaints."""

import os
import re
import sys



class Layer:
    """One row of docs/layers.txt."""

    def __init__(self, name, depends, exports):
        self.name = name
        self.symbol = name.replace("-", "_")
        self.folder = "lib" + name.replace("-", "/")
        self.depends = depends
        shared = [prefix.replace("fly_", "fly__") for prefix in exports]  # inside the library
        self.exports = exports + shared + [f"fly__{self.symbol}_"]


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def layers(root):
    """The rows whose library is present, by name, from the ground up."""
    found = {}
    for line in read(root, "docs/layers.txt").splitlines():
        if line and not line.startswith("#"):
            name, depends, _, exports = re.split(r"  +", line.strip())
            layer = Layer(name, depends.replace("-", "", depends == "-").split(), exports.split())
            if os.path.exists(os.path.join(root, layer.folder, "CMakeLists.txt")):
                found[name] = layer
    return found


def files(root, *endings):
    """Paths, relative to the root, of the files whose names end so; build trees and
    hidden folders left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name == ".ci" or name[0] not in "._"
                            and name != "build")
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.relpath(os.path.join(folder, name), root)


def layer_of(known, path):
    """The layer a file belongs to, or None. A part (libpage/crypto) is not its library."""
    owners = [layer for layer in known.values() if path.startswith(layer.folder + "/")]
    return max(owners, key=lambda layer: len(layer.folder), default=None)


def headers(root, known):
    """Every public header as it is included (fly/page.h), and its layer."""
    found = {}
    for path in files(root, ".h"):
        layer = layer_of(known, path)
        if layer and path.startswith(layer.folder + "/include/fly/"):
            found[path[len(layer.folder) + len("/include/"):]] = layer
    return found


class Complaints:
    """Collected, printed in order, and the reason for the exit status."""

    def __init__(self):
        self.lines = []

    def add(self, where, what):
        self.lines.append(f"{where}: {what}")

    def finish(self, checked):
        for line in self.lines:
            print(line)
        print(f"{checked}: {len(self.lines)} complaints" if self.lines else f"{checked}: fine")
        sys.exit(1 if self.lines else 0)

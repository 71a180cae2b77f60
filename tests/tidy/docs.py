"""docs.py ROOT: what is public is documented.

  - Doxygen reads every public header without a warning;
  - every public function, struct and enum has a comment of its own;
  - every library has one Doxygen group, a README.md, and a CHANGELOG.md whose newest version is the
    one in its header.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

import tree


def run_doxygen(root, output):
    """Read as `make docs` does, but write XML; returns the warnings."""
    settings = (tree.read(root, "docs/Doxyfile")
                + f'OUTPUT_DIRECTORY = "{output}"\nGENERATE_HTML = NO\nGENERATE_XML = YES\n')
    result = subprocess.run(["doxygen", "-"], cwd=root, input=settings, capture_output=True,
                            text=True)
    return result.stderr.splitlines() or ([] if result.returncode == 0 else ["doxygen failed"])


def has_comment(element):
    return any("".join(element.find(kind).itertext()).strip()
               for kind in ("briefdescription", "detaileddescription"))


def undocumented(output):
    """Public functions, structs and enums without a comment: where they are, and their names. A
    struct may have its comment at the typedef before it."""
    pages = [xml.parse(os.path.join(output, "xml", name))
             for name in sorted(os.listdir(os.path.join(output, "xml"))) if name.endswith(".xml")]
    members = [member for page in pages for member in page.iter("memberdef")]
    typedefs = {member.findtext("name") for member in members
                if member.get("kind") == "typedef" and has_comment(member)}
    things = [member for member in members if member.get("kind") in ("function", "enum")]
    things += [compound for page in pages for compound in page.iter("compounddef")
               if compound.get("kind") == "struct"]
    for thing in things:
        name = thing.findtext("name") or thing.findtext("compoundname")
        if name and not name.startswith("@") and name not in typedefs and not has_comment(thing):
            place = thing.find("location")
            yield f"{place.get('file')}:{place.get('line')}", name


def check_library(root, layer, public, complaints):
    texts = [tree.read(root, f"{layer.folder}/include/{header}")
             for header, owner in public.items() if owner is layer]
    groups = sum(len(re.findall(rf"@defgroup {layer.symbol}\s", text)) for text in texts)
    if groups != 1:
        complaints.add(layer.folder, f'"@defgroup {layer.symbol}" stands {groups} times, not once')

    for name in ("README.md", "CHANGELOG.md"):
        if not os.path.exists(os.path.join(root, layer.folder, name)):
            complaints.add(f"{layer.folder}/{name}", "is missing")
            return
    version = re.search(rf'#define FLY_{layer.symbol.upper()}_VERSION "([^"]+)"', "".join(texts))
    newest = re.search(r"^## (\d+\.\d+\.\d+)", tree.read(root, f"{layer.folder}/CHANGELOG.md"),
                       re.MULTILINE)
    if not version or not newest or version.group(1) != newest.group(1):
        complaints.add(f"{layer.folder}/CHANGELOG.md",
                       f"its newest version is {newest and newest.group(1)}, "
                       f"the header's is {version and version.group(1)}")


def main(root):
    complaints = tree.Complaints()
    with tempfile.TemporaryDirectory() as output:
        for warning in run_doxygen(root, output):
            complaints.add("doxygen", warning)
        for where, name in sorted(set(undocumented(output))):
            complaints.add(where, f"{name} has no comment")
    known = tree.layers(root)
    public = tree.headers(root, known)
    for layer in known.values():
        check_library(root, layer, public, complaints)
    complaints.finish(f"documentation of {len(known)} libraries, {len(public)} headers")


main(os.path.abspath(sys.argv[1]))

"""links.py ROOT: what one file says of another is there.

  - relative links in Markdown lead to a file or folder, and their #fragment to a heading;
  - a docs/... page that any text names exists.
"""

import os
import re
import sys

import tree

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
PAGE = re.compile(r"(?<![\w/.-])docs/[\w./-]*\.(?:md|txt)\b")


def fragments(markdown):
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ +(.*)$", CODE.sub(lambda code: code.group().strip("`"), markdown),
                          re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_link(root, path, target, complaints):
    if re.match(r"[a-z]+:", target):
        return
    name, _, fragment = target.partition("#")
    goal = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if not os.path.exists(os.path.join(root, goal)):
        complaints.add(path, f"links to {target}, which is not there")
    elif fragment and goal.endswith(".md") and fragment not in fragments(tree.read(root, goal)):
        complaints.add(path, f"links to {target}, but there is no such heading")


def main(root):
    complaints = tree.Complaints()
    pages = list(tree.files(root, ".md"))
    for path in pages:
        for match in LINK.finditer(CODE.sub("", tree.read(root, path))):
            check_link(root, path, match.group(1), complaints)
    for path in tree.files(root, ".c", ".h", ".md", ".txt", ".cmake", ".in", ".sh", "Makefile"):
        for name in set(PAGE.findall(tree.read(root, path))):
            if not os.path.exists(os.path.join(root, name)):
                complaints.add(path, f"speaks of {name}, which is not there")
    complaints.finish(f"links of {len(pages)} pages")


main(sys.argv[1])

"""kw_hash.py: reads kw.def, writes kw_hash.def, the perfect hash by which lex.c finds keywords.

The hash of a word is h = 0, then h = (h ^ byte) * MULTIPLIER for each byte, in 32 bits. Its bucket
is the top 8 bits; its slot is the next 9 bits exclusive-or'ed with the bucket's displacement.
Buckets are placed one after the other, the fullest first, with the first displacement that makes
all slots free. Run again after every change of kw.def; the tests find every keyword or fail.
"""

import os
import re

MULTIPLIER = 0x01000193 * 0x9E3779B1 & 0xFFFFFFFF | 1
SLOTS = 512


def word_hash(word, multiplier):
    h = 0
    for byte in word.encode():
        h = ((h ^ byte) * multiplier) & 0xFFFFFFFF
    return h


def place(words, multiplier):
    buckets = [[] for _ in range(256)]
    for index, word in enumerate(words):
        h = word_hash(word, multiplier)
        buckets[h >> 24].append((index, (h >> 15) & (SLOTS - 1)))
    slots = [0] * SLOTS
    displacements = [0] * 256
    for bucket in sorted(range(256), key=lambda b: -len(buckets[b])):
        keys = buckets[bucket]
        for displacement in range(SLOTS):
            wanted = [slot ^ displacement for _, slot in keys]
            if len(set(wanted)) == len(keys) and not any(slots[slot] for slot in wanted):
                break
        else:
            return None
        displacements[bucket] = displacement
        for (index, _), slot in zip(keys, wanted):
            slots[slot] = index + 1
    return displacements, slots


def rows(numbers):
    return "".join("    " + ", ".join(map(str, numbers[at:at + 16])) + ",\n"
                   for at in range(0, len(numbers), 16))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "kw.def"), encoding="utf-8") as file:
        words = re.findall(r'^KEYWORD\("(\w+)"', file.read(), re.MULTILINE)
    multiplier = MULTIPLIER
    while not (placed := place(words, multiplier)):
        multiplier = (multiplier + 0x10002) & 0xFFFFFFFF | 1
    displacements, slots = placed
    with open(os.path.join(here, "kw_hash.def"), "w", encoding="utf-8") as file:
        file.write("/* Made by kw_hash.py from kw.def. */\n")
        file.write(f"#define HASH_MULTIPLIER {multiplier}u\n")
        file.write("\nstatic const uint16_t hash_displacement[256] = {\n" + rows(displacements))
        file.write("};\n\n/* The number of the keyword from 1; 0: none. */\n")
        file.write(f"static const uint16_t hash_slot[{SLOTS}] = {{\n" + rows(slots) + "};\n")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes imagenet.txt: the 1000 classes of ImageNet-1k as a bundle's classes.txt names them.

    make_imagenet.py SYNSETS WORDNET/data.noun >imagenet.txt

SYNSETS lists the 1000 WordNet ids ("n01440764") in the data set's order, one a line, as it was
published with the challenge of 2012 and stands in many packages. Names, synonyms and kinship come
from the nouns of WordNet 3.0 (Debian: wordnet-base), whose licence is in LICENSE.wordnet.
"""
import sys

# A class belongs to the first group one of whose synsets is an ancestor, or to the last.
GROUPS = [
    ("Dogs", ["dog"]),
    ("Cats", ["feline"]),
    ("Monkeys and apes", ["primate"]),
    ("Hoofed animals", ["ungulate"]),
    ("Other mammals", ["mammal"]),
    ("Birds", ["bird"]),
    ("Reptiles and amphibians", ["reptile", "amphibian"]),
    ("Fish", ["fish"]),
    ("Insects and spiders", ["insect", "arachnid", "centipede"]),
    ("Sea life", ["invertebrate"]),
    ("Kitchen and household", ["crockery"]),  # before what is served in it, also called a dish
    ("Dishes and drinks", ["dish", "beverage", "baked goods", "frozen dessert", "sauce", "course",
                           "concoction", "bread", "starches"]),
    ("Fruit and vegetables", ["produce", "edible fruit", "vegetable", "fruit"]),
    ("Plants and fungi", ["fungus", "flower", "vascular plant"]),
    ("Food", ["food", "foodstuff"]),
    ("Landscapes", ["geological formation", "geyser", "valley"]),
    ("Music", ["musical instrument"]),
    ("Boats and aircraft", ["craft", "military vehicle"]),
    ("Vehicles", ["vehicle", "conveyance", "trolleybus"]),
    ("Clothing", ["clothing", "garment", "footwear", "headdress", "jewelry", "face mask", "bib",
                  "cloak", "holster", "gasmask", "handkerchief", "pickelhaube"]),
    ("Sport and games", ["game equipment", "sports equipment", "plaything", "exercise device"]),
    ("Weapons and armour", ["weapon", "armor", "breastplate", "bullet", "scabbard"]),
    ("Computers and electronics", ["electronic equipment", "computer", "electronic device",
                                   "peripheral", "camera", "data input device", "radio",
                                   "television", "lens cap"]),
    ("Kitchen and household", ["home appliance", "kitchen utensil", "utensil", "cookware",
                               "crockery", "cleaning implement", "toiletry", "white goods",
                               "bathtub", "dishrag", "paper towel", "nipple", "Band Aid",
                               "bottlecap", "tableware", "dishware", "cooker", "glass", "mug", "cup",
                               "bedclothes", "linen", "toilet seat", "toilet tissue", "soap"]),
    ("Furniture and furnishings", ["furniture", "furnishing", "lamp", "rug", "shade", "doormat",
                                   "pillow", "window shade", "window screen", "fire screen",
                                   "shoji", "mosquito net"]),
    ("Buildings and places", ["building", "structure", "establishment", "housing", "shelter",
                              "barrier", "roof", "maze", "stage", "manhole cover",
                              "traffic light", "street sign", "lumbermill"]),
    ("Boxes and bottles", ["container"]),
    ("Instruments and clocks", ["measuring instrument", "timepiece", "optical instrument",
                                "medical instrument", "scientific instrument", "magnifier"]),
    ("Tools and machines", ["tool", "machine", "mechanism", "implement", "device", "equipment"]),
    ("People", ["person"]),
    ("Other things", []),
]

# Different things of one name, and what looks like it.
TWINS = {
    134: "crane (bird)", 517: "crane (machine)",
    264: "Cardigan (corgi)", 474: "cardigan (jacket)",
    638: "maillot (tights)", 639: "maillot (tank suit)",
    657: "missile (rocket)", 744: "projectile (shell)",
    836: "sunglass (burning glass)", 837: "sunglasses (worn)",
}


def read_nouns(path):
    """Offset -> (words, offsets of its hypernyms)."""
    nouns = {}
    with open(path) as file:
        for line in file:
            if line.startswith("  "):
                continue
            fields = line.partition(" | ")[0].split()
            n_words = int(fields[3], 16)
            words = [fields[4 + 2 * i].replace("_", " ") for i in range(n_words)]
            rest = fields[4 + 2 * n_words:]
            pointers = [rest[1 + 4 * i:4 + 4 * i] for i in range(int(rest[0]))]
            nouns[fields[0]] = words, [p[1] for p in pointers if p[0] in ("@", "@i")]
    return nouns


def ancestors(nouns, offset):
    found, waiting = [], [offset]
    while waiting:
        at = waiting.pop(0)
        if at not in found:
            found.append(at)
            waiting += nouns[at][1]
    return {word for at in found for word in nouns[at][0][:1]}


def group_of(nouns, offset):
    kin = ancestors(nouns, offset)
    return next(name for name, roots in GROUPS if not roots or kin & set(roots))


def main(synsets, noun_file):
    nouns = read_nouns(noun_file)
    with open(synsets) as file:
        ids = file.read().split()
    for number, wnid in enumerate(ids):
        words = nouns[wnid[1:]][0]
        name = TWINS.get(number, words[0])
        synonyms = words if number in TWINS else words[1:]
        group = group_of(nouns, wnid[1:])
        print(number, name, ", ".join(synonyms), group, wnid, sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])

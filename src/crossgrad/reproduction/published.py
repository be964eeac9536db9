"""The paper's numbers, in per cent, as they were published; facts, with nothing of ours.

None: not legible in our copy.

Reference:
    Shankar et al., "Generalizing Across Domains via Cross-Gradient Training", ICLR 2018, tables 4, 5, 8 and 9.
"""

from statistics import fmean

Published = dict[str, float | None]
"""Accuracy by method, by its name in METHODS; "DAN" is `dann`."""

FONTS: Published = {"erm": 68.5, "dann": 68.9, "label_grad": 71.4, "crossgrad": 72.6}
HANDWRITING: Published = {"erm": 82.5, "dann": 83.8, "label_grad": 86.3, "crossgrad": 88.6}
"""The last digit of ERM's is hard to read in our copy: gains over it may be off by some tenths."""
MNIST: Published = {"ccsa": 95.6, "mtae": 96.3, "dann": 98.0, "label_grad": 97.8, "crossgrad": 98.6}
"""Of the angle 15. What table 4 calls the baseline here is CCSA; table 9 adds D-MTAE."""
SPEECH: Published = {"erm": 72.6, "dann": 70.4, "label_grad": 72.7, "crossgrad": 73.5}

FONTS_RESNET: Published = {"erm": None, "dann": 81.1, "label_grad": 80.5, "crossgrad": 82.4}
HANDWRITING_RESNET: Published = {"erm": None, "dann": 88.5, "label_grad": 91.8, "crossgrad": 92.1}

SPEECH_GAINS: dict[int, Published] = {
    40: {"dann": 0.4, "label_grad": None, "crossgrad": 2.3},
    100: {"dann": -2.2, "label_grad": 0.1, "crossgrad": 0.9},
    200: {"dann": 0.7, "label_grad": None, "crossgrad": 0.7},
    1000: {"dann": -3.3, "label_grad": -0.7, "crossgrad": -0.4},
}
"""Table 8: change against the baseline, in points, by the number of training speakers."""

ANGLES = ("0", "15", "30", "45", "60", "75")
ROTATIONS: dict[str, tuple[float, ...]] = {
    "ccsa": (84.6, 95.6, 94.6, 82.9, 94.8, 82.1),
    "mtae": (82.5, 96.3, 93.4, 78.6, 94.2, 80.5),
    "label_grad": (89.7, 97.8, 98.0, 97.1, 96.6, 92.1),
    "dann": (86.7, 98.0, 97.8, 97.4, 96.9, 89.1),
    "crossgrad": (88.3, 98.6, 98.0, 97.7, 97.7, 91.4),
}
"""Table 9, in the order of ANGLES."""

ROTATIONS_MEAN: Published = {method: round(fmean(values), 1) for method, values in ROTATIONS.items()}
"""Over the six angles; the paper gives no mean."""

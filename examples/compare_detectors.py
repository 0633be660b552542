"""Is one detector better than another, or is it a tie? Two scores tables of the same faces.

python examples/compare_detectors.py A.csv B.csv
"""

import sys

from telltrace.evaluation import compare, evaluate, render, render_comparison


def main(first: str, second: str) -> None:
    """Every metric of the first, then the differences, with people drawn and not frames."""
    print(render(evaluate(first)))
    found, left_out = compare(first, second)
    print(render_comparison(found, (first, second)))
    print(f"{left_out} items that only one of the two judged are left out")


if __name__ == "__main__":
    main(*sys.argv[1:3])

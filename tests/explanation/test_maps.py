"""Maps at another size."""

import numpy as np
import pytest

from telltrace.explanation.regions import resized


def test_a_map_of_another_size_has_its_highest_place_where_it_was() -> None:
    found = np.zeros((4, 4), np.float32)
    found[1, 2] = 1
    larger = resized(found, (16, 16))
    assert larger.max() <= 1
    assert np.argwhere(larger == larger.max()).mean(0) == pytest.approx([5.5, 9.5])

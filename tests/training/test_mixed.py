import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from telltrace.checkpoint import read_card
from telltrace.data.crops import crop_face, read_faces
from telltrace.data.loader import UNKNOWN
from telltrace.data.mixed import create_source, mixed_batch
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.training import DataConfig, OptimConfig, SourceConfig, train
from telltrace.training.feed import Feed

from .conftest import SMALL, write_crops

SOURCES = (
    SourceConfig(name="given", datasets=("noise",), pairs=2, validation_pairs=5),
    SourceConfig(name="made", datasets=("noise",), pairs=1, fakes="blend", validation_pairs=3),
)


def a_feed(crops: Path, shard: tuple[int, int] = (0, 1), **options: object) -> Feed:
    table, cuts = read_faces([crops])
    return Feed(
        table,
        cuts,
        Preprocessing(FaceCrop(size=24), 24),
        DataConfig(task="mixed", image_size=24, epoch_steps=3, **{"sources": SOURCES} | options),  # type: ignore[arg-type]
        seed=7,
        shard=shard,
    )


def test_a_batch_holds_the_reals_and_then_their_forgeries(crops: Path) -> None:
    feed = a_feed(crops)
    assert (feed.steps, feed.batch_size) == (3, 6)
    batches = list(feed.batches(0, 0))
    assert len(batches) == 3
    for images, labels, masks in batches:
        assert images.shape == (6, 24, 24, 3)
        assert labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert not masks[:3].any()
        assert (masks[3:5] == UNKNOWN).all()  # nobody said where they were forged
        assert masks[5].min() >= 0
        assert masks[5].max() > 0


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_a_function_of_epoch_and_step(crops: Path, workers: int) -> None:
    whole = list(a_feed(crops).batches(3, 0))
    rest = list(a_feed(crops, workers=workers).batches(3, 1))
    for mine, theirs in zip(rest, whole[1:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
    other = next(iter(a_feed(crops).batches(4, 0)))
    assert not torch.equal(other[0], whole[0][0])


def test_shards_together_are_the_batch(crops: Path) -> None:
    (whole, *_), *_ = a_feed(crops).batches(0, 0)
    parts = [next(iter(a_feed(crops, shard=(rank, 3)).batches(0, 0)))[0] for rank in range(3)]
    for rank, part in enumerate(parts):
        assert torch.equal(part, whole[rank::3])
    with pytest.raises(ValueError, match="Batches of 3 pairs cannot be shared among 2"):
        a_feed(crops, shard=(0, 2))


def test_validation_names_its_sources_and_is_the_same_each_time(crops: Path) -> None:
    feed = a_feed(crops)
    first, second = (list(feed.validation()) for _ in range(2))
    assert [(part.source, len(part.labels)) for part in first] == [("given", 10), ("made", 6)]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.images, b.images)


def test_a_fake_is_paired_with_its_real_of_the_same_moment(crops: Path) -> None:
    table, cuts = read_faces([crops])
    source = create_source(table, cuts, ["noise"], "given")
    for number, row in enumerate(source.faces.rows):
        if row["label"]:
            partner = source._partner(number, np.random.default_rng(0))  # type: ignore[union-attr]
            real = source.faces.rows[partner]
            assert real["label"] == 0
            assert (real["identity"], real["frame"]) == (row["identity"], row["frame"])


def test_sources_that_cannot_be_drawn_from_say_why(crops: Path) -> None:
    table, cuts = read_faces([crops])
    with pytest.raises(ValueError, match=r"No face of the data set 'nois'; there are \['noise'\]"):
        create_source(table, cuts, ["nois"], "given")
    fakes = table[table.label == 1]
    with pytest.raises(ValueError, match="no real faces"):
        create_source(fakes, cuts, ["noise"], "given")
    with pytest.raises(ValueError, match="no real face with landmarks"):
        create_source(fakes, cuts, ["noise"], "blend")
    with pytest.raises(ValueError, match="Batches of 0 pairs"):
        a_feed(crops, sources=())


def test_manifests_that_were_cut_differently_train_together_and_the_worst_source_decides(
    crops: Path, tmp_path: Path
) -> None:
    other = write_crops(tmp_path / "other")
    table = pd.read_csv(other, dtype=str, keep_default_na=False).assign(dataset="tight")
    table.assign(box="", landmarks="").to_csv(other, index=False)
    about = {"crop": FaceCrop(size=32, margin=1.0).to_dict()}
    (other.parent / "prepare.json").write_text(json.dumps(about))
    sources = (*SOURCES, SourceConfig(name="tight", datasets=("tight",), pairs=1))
    best = train(
        manifest=[crops, other],
        out=tmp_path / "run",
        **SMALL,
        data=DataConfig(
            task="mixed", image_size=32, margin=1.2, sources=sources, epoch_steps=2, workers=1
        ),
        optim=OptimConfig(epochs=1),
    )
    card = read_card(best)
    assert card.preprocessing.crop == FaceCrop(size=32, margin=1.2)
    row = card.metrics["validation"]
    each = [row[f"val_auc_{name}"] for name in ("given", "made", "tight")]
    assert row["val_auc_worst"] == min(each)


def test_a_face_that_nobody_placed_fills_the_middle_of_its_crop() -> None:
    face = crop_face({"box": "", "landmarks": ""}, FaceCrop(size=224, margin=1.12))
    assert face.box == pytest.approx((12, 12, 212, 212))
    assert np.isnan(face.landmarks).all()


def test_a_batch_does_not_depend_on_who_else_is_in_it(crops: Path) -> None:
    table, cuts = read_faces([crops])
    source = create_source(table, cuts, ["noise"], "given")
    alone, both = (mixed_batch([(source, n)], 7, 0, 0, 24)[0] for n in (1, 2))
    np.testing.assert_array_equal(alone[0], both[0])

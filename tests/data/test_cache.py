"""What was made before is the same as what is made now, and nothing about the cache can stop a load."""

import multiprocessing
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from crossgrad.data import DomainDataset, DomainSplit, ImageDecoding
from crossgrad.data.cache import load_or_make
from crossgrad.errors import DataWarning


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CROSSGRAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def example(*, grey: bool = True) -> DomainDataset:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(256, (6, 1, 4, 4), generator=generator).float() / 255
    if not grey:
        inputs = torch.randn(6, 1, 4, 4, generator=generator)
    return DomainDataset(
        inputs,
        torch.arange(6) % 2,
        torch.arange(6) % 3,
        ("į", "b"),
        ("x", "y", "z"),
        "example",
        ImageDecoding(4, 1),
        variants=inputs[:, None].repeat(1, 2, 1, 1, 1),
        domain_split=DomainSplit(("x",), ("z",)),
    )


class Maker:
    """Counts how often it is asked."""

    def __init__(self, make: Callable[[], DomainDataset] = example) -> None:
        self.make, self.times = make, 0

    def __call__(self) -> DomainDataset:
        self.times += 1
        return self.make()


def load(make: Callable[[], DomainDataset], raw: tuple[Path, ...] = (), **options: object) -> DomainDataset:
    return load_or_make(make, name="example", options=options, raw=raw)


@pytest.mark.parametrize("grey", [True, False])
def test_a_hit_equals_a_miss_in_everything(grey: bool, own_cache: Path) -> None:
    maker = Maker(lambda: example(grey=grey))
    made, kept = load(maker), load(maker)
    assert maker.times == 1
    assert kept.fingerprint == made.fingerprint
    assert torch.equal(kept.inputs, made.inputs)
    assert kept.variants is not None
    assert made.variants is not None
    assert torch.equal(kept.variants, made.variants)
    for name in ("label_names", "domain_names", "name", "decoding", "domain_split"):
        assert getattr(kept, name) == getattr(made, name)
    assert len(list(own_cache.iterdir())) == 1


def test_images_of_256_greys_take_a_byte_a_pixel(own_cache: Path) -> None:
    sizes = []
    for grey in (True, False):
        load(lambda grey=grey: example(grey=grey), grey=grey)
        sizes.append(max(file.stat().st_size for file in own_cache.iterdir()))
    assert sizes[1] - sizes[0] > 2 * 6 * 3 * 16


def test_other_options_and_other_raw_files_are_made_anew(tmp_path: Path) -> None:
    maker, raw = Maker(), tmp_path / "raw"
    raw.mkdir()
    (raw / "a.ttf").write_bytes(b"one")
    load(maker, (raw,), seed=0)
    load(maker, (raw,), seed=0)
    assert maker.times == 1
    load(maker, (raw,), seed=1)
    assert maker.times == 2
    (raw / "b.ttf").write_bytes(b"two")
    load(maker, (raw,), seed=0)
    assert maker.times == 3
    (raw / "a.ttf").write_bytes(b"other")
    load(maker, (raw,), seed=0)
    assert maker.times == 4


def test_a_damaged_file_is_made_again_wherever_the_damage_is(own_cache: Path) -> None:
    maker = Maker()
    whole = load(maker)
    (file,) = own_cache.iterdir()
    content = file.read_bytes()
    places = range(0, len(content), 41)
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        assert load(maker).fingerprint == whole.fingerprint
    assert maker.times == 1 + len(places)
    for length in (0, 31, 40, len(content) - 1):
        file.write_bytes(content[:length])
        assert load(maker).fingerprint == whole.fingerprint
    assert maker.times == 1 + len(places) + 4


def test_a_cache_that_cannot_be_written_to_costs_a_warning_alone(own_cache: Path) -> None:
    own_cache.write_text("a file where the folder should be")
    with pytest.warns(DataWarning, match="could not be kept for the next time.*CROSSGRAD_CACHE"):
        assert len(load(example)) == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_costs_a_warning_and_leaves_nothing_behind(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_cache.mkdir()
    real = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: real(Path("/dev/full"), content))
    with pytest.warns(DataWarning, match="No space left"):
        assert len(load(example)) == 6
    assert list(own_cache.iterdir()) == []


def test_what_a_killed_process_left_is_deleted_by_the_next(own_cache: Path) -> None:
    load(example)
    (whole,) = own_cache.iterdir()
    (own_cache / f".{whole.name}.1.0123abcd").write_bytes(whole.read_bytes()[:100])
    (own_cache / f".{whole.name}x.1").write_bytes(b"of another file")
    whole.unlink()
    load(example)
    assert {file.name for file in own_cache.iterdir()} == {whole.name, f".{whole.name}x.1"}


def test_warnings_of_the_making_are_given_again_at_every_load() -> None:
    def doubtful() -> DomainDataset:
        warnings.warn("one font lacks Q", DataWarning, stacklevel=1)
        return example()

    maker = Maker(doubtful)
    for _ in range(2):
        with pytest.warns(DataWarning, match="one font lacks Q"):
            load(maker)
    assert maker.times == 1


def _load_in_process(results: "multiprocessing.Queue[str]") -> None:
    results.put(load_or_make(example, name="example", options={}, raw=()).fingerprint)


def test_two_processes_that_make_the_same_at_once_both_have_it(own_cache: Path) -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=_load_in_process, args=(results,)) for _ in range(4)]
    for process in processes:
        process.start()
    found = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert found == {example().fingerprint}
    assert [file.suffix for file in own_cache.iterdir()] == [".safetensors"]
    assert os.listdir(own_cache)[0].startswith("example-")

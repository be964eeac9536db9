import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crossgrad.data.folder import read_folder
from crossgrad.data.image_decoding import ImageDecoding
from crossgrad.errors import DataError, DataWarning

# Names that every file system takes, in one Unicode form; a leading dot would hide them.
names = (
    st.text(st.characters(categories=["L", "N", "Zs"], max_codepoint=0x3FF), min_size=1, max_size=8)
    .filter(str.strip)
    .filter(lambda name: name == name.strip())
)


@given(
    st.dictionaries(
        st.tuples(names, names), st.lists(st.integers(0, 255), min_size=1, max_size=3), min_size=1, max_size=6
    ),
    st.sampled_from([None, 1, 3]),
)
def test_folders_come_back_as_they_were_written(tmp_path_factory, contents, channels):
    root = tmp_path_factory.mktemp("folder")
    for (domain, label), values in contents.items():
        (root / domain / label).mkdir(parents=True)
        for index, value in enumerate(values):
            Image.fromarray(np.full((2, 2), value, np.uint8)).save(root / domain / label / f"{index}.png")
    dataset = read_folder(root, image_size=2, channels=channels)
    expected = [
        (domain, label, value / 255) for (domain, label), values in sorted(contents.items()) for value in values
    ]
    found = [
        (dataset.domain_names[domain], dataset.label_names[label], pytest.approx(float(image[0, 0, 0])))
        for image, label, domain in zip(dataset.inputs, dataset.labels, dataset.domains, strict=True)
    ]
    assert found == expected
    assert dataset.inputs.shape[1:] == (channels or 1, 2, 2)
    assert dataset.decoding == ImageDecoding(image_size=2, channels=channels or 1)
    assert dataset.name == root.name


def test_channels_are_one_only_where_every_image_is_grey(tmp_path, write_image):
    write_image("d/a/grey.png", 100)
    write_image("d/b/grey-as-colour.png", (50, 50, 50))
    assert read_folder(tmp_path).inputs.shape == (2, 1, 32, 32)
    write_image("d/c/red.png", (200, 0, 0))
    dataset = read_folder(tmp_path)
    assert dataset.inputs.shape == (3, 3, 32, 32)
    assert dataset.decoding == ImageDecoding(image_size=32, channels=3)
    torch.testing.assert_close(dataset.inputs[0], torch.full((3, 32, 32), 100 / 255))


def test_asked_for_grey_a_colour_image_is_read_grey(tmp_path, write_image):
    write_image("d/c/red.png", (200, 0, 0))
    assert read_folder(tmp_path, image_size=8, channels=1).inputs.shape == (1, 1, 8, 8)


def test_hidden_files_and_folders_are_passed_over(tmp_path, write_image):
    write_image("d/a/1.png")
    write_image("d/a/.2.png")
    write_image("d/.a/3.png")
    write_image(".d/a/4.png")
    assert len(read_folder(tmp_path)) == 1


def test_files_without_an_images_extension_are_counted_and_named(tmp_path, write_image):
    write_image("d/a/1.PNG")
    (tmp_path / "d" / "a" / "notes.txt").touch()
    (tmp_path / "README").touch()
    with pytest.warns(DataWarning, match=r"left out of .*: 2, 'README', 'd/a/notes\.txt'"):
        assert len(read_folder(tmp_path)) == 1


def test_links_to_folders_are_not_followed(tmp_path, write_image):
    write_image("d/a/1.png")
    (tmp_path / "d" / "b").symlink_to(tmp_path, target_is_directory=True)
    with pytest.warns(DataWarning, match="links to folders: 1, 'd/b'"):
        assert len(read_folder(tmp_path)) == 1


def test_a_domain_without_images_is_named(tmp_path, write_image):
    write_image("d/a/1.png")
    (tmp_path / "empty" / "a").mkdir(parents=True)
    with pytest.warns(DataWarning, match="without any file, so not among the domains: 'empty'"):
        assert read_folder(tmp_path).domain_names == ("d",)


def test_a_missing_folder_is_named_with_the_layout(tmp_path):
    with pytest.raises(DataError, match=r"no such folder: '.*gone'; the layout must be FOLDER/domain/label/file"):
        read_folder(tmp_path / "gone")


def test_a_file_is_no_folder(write_image):
    with pytest.raises(DataError, match="not a folder: "):
        read_folder(write_image("1.png"))


def test_an_empty_folder_is_refused_with_the_layout(tmp_path):
    (tmp_path / "d" / "a").mkdir(parents=True)
    with pytest.raises(
        DataError, match=r"no images and no audio files in '.*'; the layout must be FOLDER/domain/label/file"
    ):
        read_folder(tmp_path)


@pytest.mark.parametrize("misplaced", ["2.png", "a/2.png", "d/a/deeper/2.png"])
def test_images_at_another_level_are_counted_and_the_first_named(tmp_path, write_image, misplaced):
    write_image("d/a/1.png")
    write_image(misplaced)
    with pytest.raises(DataError, match=f"1 of 2 files in .* not two folders deep, the first is '{misplaced}'; the"):
        read_folder(tmp_path)


def test_an_unreadable_image_is_named_with_the_way_round_it(tmp_path, write_image):
    write_image("d/a/1.png")
    (tmp_path / "d" / "a" / "2.png").write_bytes(b"no image")
    with pytest.raises(
        DataError, match=r"cannot read image '.*d/a/2\.png': .*; --skip-unreadable \(skip_unreadable=True\) leaves such"
    ):
        read_folder(tmp_path)


def test_unreadable_images_can_be_left_out_and_are_counted_and_listed(tmp_path, write_image):
    write_image("d/b/1.png")
    (tmp_path / "d" / "a").mkdir()
    for index in range(12):
        (tmp_path / "d" / "a" / f"{index:02}.png").write_bytes(b"no image")
    with pytest.warns(DataWarning, match=r"12 of 13 images cannot be read: '.*00\.png', .*09\.png' and 2 more"):
        dataset = read_folder(tmp_path, skip_unreadable=True)
    assert dataset.label_names == ("b",)
    assert len(dataset) == 1


def test_skipping_does_not_make_a_dataset_of_nothing(tmp_path):
    (tmp_path / "d" / "a").mkdir(parents=True)
    (tmp_path / "d" / "a" / "1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="nothing is left: 1 of 1 images cannot be read"):
        read_folder(tmp_path, skip_unreadable=True)


def test_sound_folders_raise_no_warning(tmp_path, write_image):
    write_image("d/a/1.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_folder(tmp_path, skip_unreadable=True)

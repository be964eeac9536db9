"""crossgrad export: a model as one file that runs where crossgrad is not."""

from pathlib import Path
from typing import Annotated

import typer

from crossgrad.cli import options
from crossgrad.cli.console import count, show_json, show_text, status


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of the model.", show_default=False)],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="To be written: .onnx for onnxruntime, .pt2 for torch.export.", show_default=False
        ),
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    allow_import: Annotated[
        bool, typer.Option("--allow-import", help="Import the code a model names as its net. Runs that code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a model as one file: a graph from decoded inputs to probabilities.

    Scaling and domain features are in the graph; names of labels, shape of inputs and decoding are in the file as
    JSON. The file's probabilities are compared with the model's before it is moved into place.
    """
    with status("loading"):
        from crossgrad.integrations.exporting import check_export
        from crossgrad.integrations.exporting import export as write
        from crossgrad.model_folder import load

        check_export(file, overwrite=overwrite)
        if allow_import:
            options.look_here()
        loaded = load(model, allow_import=allow_import)
    with status("exporting"):
        exported = write(loaded, file, overwrite=overwrite)
    if as_json:
        show_json(
            {
                "file": str(exported.file),
                "runtime": exported.runtime,
                "bytes": exported.n_bytes,
                "largest_difference": exported.largest_difference,
                "input_shape": loaded.input_shape,
                "label_names": loaded.label_names,
            }
        )
        return
    shape = ", ".join(map(str, ("batch", *loaded.input_shape)))
    show_text(
        f"Wrote {exported.file} ({exported.n_bytes / 1e6:.1f} MB): inputs float32 ({shape}) to probabilities of "
        f"{count(len(loaded.label_names), 'label')}. {exported.runtime} differs from the model by "
        f"{exported.largest_difference:.1g} at most."
    )

"""crossgrad data show: examples of every domain on one picture."""

import io
from pathlib import Path
from typing import Annotated

import typer

from crossgrad.cli import options
from crossgrad.cli.console import say, show_json, show_text, status
from crossgrad.errors import SettingsError
from crossgrad.printing import printable


def show(
    data: options.Data,
    output: Annotated[Path, typer.Option(help="The picture, NAME.png.", show_default=False)],
    rows: Annotated[int | None, typer.Option(help="Domains, at most.  [default: 12]")] = None,
    columns: Annotated[int | None, typer.Option(help="Examples of a domain, at most.  [default: 12]")] = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    features: options.Features = None,
    seconds: options.Seconds = None,
    path_column: options.PathColumn = "path",
    label_column: options.LabelColumn = "label",
    domain_column: options.DomainColumn = "domain",
    skip_unreadable: options.SkipUnreadable = False,
    option: options.Option = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is drawn as JSON.")] = False,
) -> None:
    """Draw examples: one row a domain, one column a label.

    What differs between domains can be seen before anything is trained.
    """
    if output.suffix.lower() != ".png":
        raise SettingsError(f"a picture is written as PNG; give --output NAME.png, not {str(output)!r}")
    if not output.parent.is_dir():
        raise SettingsError(f"there is no folder {str(output.parent)!r}; make it, or give another --output")
    with status("loading") as tell:
        from crossgrad.folders import check_free, write_whole
        from crossgrad.sheets import draw_sheet, plan_sheet

        check_free(output, overwrite=overwrite)
        dataset = options.open_data(
            data,
            image_size,
            channels,
            features,
            seconds,
            path_column,
            label_column,
            domain_column,
            option,
            skip_unreadable=skip_unreadable,
            tell=tell,
        )
        plan = plan_sheet(dataset, **options.given(rows=rows, columns=columns))
        png = io.BytesIO()
        draw_sheet(dataset, plan).save(png, "PNG")
        write_whole(output, png.getvalue(), overwrite=overwrite)
    say(
        f"{printable(dataset.name)}: {len(plan.domains)} of {len(dataset.domain_names)} domains, "
        f"{len(set(plan.labels))} of {len(dataset.label_names)} labels"
    )
    if as_json:
        domains = [dataset.domain_names[index] for index in plan.domains]
        labels = [dataset.label_names[index] for index in dict.fromkeys(plan.labels)]
        show_json({"picture": str(output), "domains": domains, "labels": labels})
    else:
        show_text(f"Picture: {output}")

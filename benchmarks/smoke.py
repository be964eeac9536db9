"""Whether an installed crossgrad does its work here, from import to report, and so each extra; run by versions.py.

    python smoke.py core audio onnx ...

Each check is a function that ends or raises. Standard output is one JSON object: of each check null or why it failed.
"""

import json
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

Check = Callable[[], object]

QUICKLY: dict[str, Any] = {"max_steps": 4, "batch_size": 16}


def command(*arguments: str) -> str:
    """The installed command, in this folder."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("crossgrad")), *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"crossgrad {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def digits(**options: Any) -> Any:
    import crossgrad

    return crossgrad.train(crossgrad.open_dataset("digits"), **QUICKLY, **options)


def imports() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", "import crossgrad; crossgrad.CrossGrad"], check=True)


def helps() -> None:
    assert "Usage: crossgrad compare" in command("compare", "--help")


def compares() -> None:
    options = ("--methods", "erm,crossgrad", "--hold-out", "0", "--seeds", "2", "--max-steps", "4", "--jobs", "1")
    assert "CrossGrad" in command("compare", "digits", *options, "--output", "compared")
    assert "CrossGrad" in command("report", "compared", "--output", "again")
    assert Path("again", "report.html").stat().st_size > 1000


def chooses() -> None:
    options = ("--method", "erm", "--grid", "dropout=0,0.5", "--hold-out", "0", "--max-steps", "4", "--jobs", "1")
    assert "chosen" in json.loads(command("sweep", "digits", *options, "--json"))


def diagnoses() -> None:
    assert json.loads(command("diagnose", "digits", "--max-steps", "4", "--json"))["advice"]


def trains_and_predicts() -> None:
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    files = []
    for domain in "abc":
        for label in "xy":
            for n in range(3):
                files.append(Path("pictures", domain, label, f"{n}.png"))
                files[-1].parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw.integers(0, 256, (16, 16), dtype=np.uint8)).save(files[-1])
    command("train", "pictures", "--max-steps", "4", "--output", "model")
    lines = command("predict", "model", *map(str, files[:2]), "--json").splitlines()
    assert {json.loads(line)["label"] for line in lines} <= {"x", "y"}
    command("data", "show", "pictures", "--output", "sheet.png")
    assert Image.open("sheet.png").size[0] > 16


def reads_tables() -> None:
    import pyarrow as pa
    import pyarrow.parquet

    import crossgrad

    files = sorted(Path("pictures").rglob("*.png"))
    columns = {"path": map(str, files), "label": (f.parent.name for f in files), "domain": (f.parts[1] for f in files)}
    pyarrow.parquet.write_table(pa.table({name: list(values) for name, values in columns.items()}), "list.parquet")
    assert len(crossgrad.open_dataset("list.parquet")) == len(files)


def classifies() -> None:
    import numpy as np
    import sklearn
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

    from crossgrad import CrossGradClassifier

    draw = np.random.default_rng(0)
    x, y, groups = draw.normal(size=(60, 5)), np.arange(60) % 2, np.arange(60) // 15
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = CrossGradClassifier(**QUICKLY).set_fit_request(domains="groups")
        scores = cross_val_score(classifier, x, y, params={"groups": groups}, cv=LeaveOneGroupOut())
    assert len(scores) == 4


def hears() -> None:
    import numpy as np
    import soundfile

    draw = np.random.default_rng(0)
    for domain in "abc":
        for label in "xy":
            for n in range(3):
                file = Path("sounds", domain, label, f"{n}.wav")
                file.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(file, draw.normal(size=16000) / 10, 16000)
    command("train", "sounds", "--max-steps", "4", "--output", "listener")
    assert command("predict", "listener", str(file), "--json")


def speaks() -> None:
    import espeakng_loader

    assert Path(espeakng_loader.get_library_path()).exists()
    command(
        "data",
        "show",
        "synthetic_speakers",
        "--option",
        "speakers=5",
        "--option",
        "takes=1",
        "--output",
        "speakers.png",
    )


def exports() -> None:
    from crossgrad import save

    save(digits(), Path("exported"))
    for name in ("model.onnx", "model.pt2"):
        assert json.loads(command("export", "exported", name, "--json"))["largest_difference"] < 1e-5


def goes_to_the_hub() -> None:
    from crossgrad.integrations.hub import from_pretrained, push_to_hub, save_pretrained
    from hub_server import TOKEN, hub_server  # type: ignore[import-not-found]  # of the tests

    model = digits()
    assert from_pretrained(save_pretrained(model, Path("for-the-hub"))).card == model.card
    with hub_server() as hub:
        push_to_hub(model, "anna/digits", token=TOKEN, endpoint=hub.endpoint)
        fetched = from_pretrained("anna/digits", token=TOKEN, endpoint=hub.endpoint, cache="cache")
        assert fetched.label_names == model.label_names
        assert not hub.unknown, hub.unknown


def runs_in_lightning() -> None:
    example = Path(__file__).parent.parent / "examples" / "lightning_loop.py"
    done = subprocess.run([sys.executable, str(example)], capture_output=True, text=True)
    assert "accuracy" in done.stdout, done.stderr


def runs_on_ray() -> None:
    options = ("--methods", "erm", "--hold-out", "0", "--seeds", "2", "--max-steps", "4", "--jobs", "2")
    command("compare", "digits", *options, "--engine", "ray", "--output", "on-ray")


def halves() -> None:
    options = ("--method", "erm", "--grid", "learning_rate=0.001,0.01,0.1", "--hold-out", "0", "--max-steps", "9")
    assert "chosen" in json.loads(
        command("sweep", "digits", *options, "--search", "halving", "--json", "--output", "halved")
    )


def draws_curves() -> None:
    command("train", "digits", "--max-steps", "4", "--output", "watched", "--tensorboard", "board")
    assert any(Path("board").rglob("events*"))


def takes_an_encoder() -> None:
    import numpy as np
    from transformers import AutoConfig, AutoModel

    import crossgrad

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = AutoConfig.for_model("bert", vocab_size=11, max_position_embeddings=12, **sizes)
    AutoModel.from_config(config).save_pretrained("bert")  # type: ignore[no-untyped-call]
    inputs = np.random.default_rng(0).normal(size=(24, 5, 8)).astype(np.float32)
    data = crossgrad.DomainDataset.from_arrays(inputs, np.arange(24) % 2, np.arange(24) // 8, name="text", signals=True)
    crossgrad.save(crossgrad.train(data, net="transformers:bert", **QUICKLY), Path("reader"))
    assert crossgrad.load("reader").predict(inputs).labels


CHECKS: dict[str, tuple[Check, ...]] = {
    "core": (imports, helps, compares, chooses, diagnoses, trains_and_predicts, reads_tables, classifies),
    "audio": (hears, speaks),
    "hub": (goes_to_the_hub,),
    "lightning": (runs_in_lightning,),
    "onnx": (exports,),
    "ray": (runs_on_ray,),
    "sweep": (halves,),
    "tracking": (draws_curves,),
    "transformers": (takes_an_encoder,),
}
"""By extra; core needs none."""


def failure(check: Check) -> str | None:
    try:
        check()
    except Exception:
        return traceback.format_exc()
    return None


def main(names: Sequence[str]) -> None:
    with redirect_stdout(sys.stderr):
        found = {check.__name__: failure(check) for name in names for check in CHECKS[name]}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])

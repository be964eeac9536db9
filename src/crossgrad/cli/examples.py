"""What each command is called like, at the end of its help."""

EXAMPLES = {
    "compare": (
        "crossgrad compare digits  # four methods, each domain held out in turn",
        "crossgrad compare scans/ --methods erm,crossgrad --seeds 5",
        "crossgrad compare list.csv --hold-out anna,bert --output results/list",
        "crossgrad compare scans/ --set crossgrad.domain_gradient_step=2",
        "crossgrad compare scans/ --chosen crossgrad-sweep-scans-crossgrad",
    ),
    "diagnose": (
        "crossgrad diagnose scans/",
        "crossgrad diagnose list.csv --label-column word --json > diagnosis.json",
    ),
    "report": (
        "crossgrad report crossgrad-scans",
        "crossgrad report results/monday results/tuesday --output results/both",
    ),
    "sweep": (
        "crossgrad sweep scans/ --budget 2h  # the paper's grid for CrossGrad",
        "crossgrad sweep scans/ --method erm --grid learning_rate=0.001,0.01",
        "crossgrad sweep scans/ --search halving --output swept",
    ),
    "train": (
        "crossgrad train scans/ --output model/",
        "crossgrad train scans/ --method dann --max-steps 5000 --output model/",
        "crossgrad train scans/ --output model/ --resume  # after it was cut off",
    ),
    "predict": (
        "crossgrad predict model/ new/*.png",
        "crossgrad predict model/ new/ --format csv > labels.csv",
    ),
    "export": (
        "crossgrad export model/ model.onnx",
        "crossgrad export model/ model.pt2 --overwrite",
    ),
    "reproduce": (
        "crossgrad reproduce table9 --scale quick",
        "crossgrad reproduce table4 --study handwriting --jobs 2",
        "crossgrad reproduce all --no-training  # tables of what is there",
    ),
    "data list": (
        "crossgrad data list",
        "crossgrad data list rotated_mnist",
    ),
    "data prepare": (
        "crossgrad data prepare rotated_mnist",
        "crossgrad data prepare speech --option training_speakers=50",
    ),
    "data show": (
        "crossgrad data show scans/ --output scans.png",
        "crossgrad data show fonts --rows 6 --columns 8 --output fonts.png",
    ),
}


def epilog(command: str) -> str:
    """A command's examples as Markdown.

    Example:
        >>> epilog("data list").splitlines()[2]
        '- `crossgrad data list`'
    """
    return "\n\n".join(["Examples:", *(f"- `{line}`" for line in EXAMPLES[command])])

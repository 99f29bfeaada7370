"""The model's card, in the words of CycloneDX 1.6 (`modelCard`)."""

from __future__ import annotations

from typing import Any

from ccnet_edge.device.bundle.write import BundleParts
from ccnet_edge.spec.build import DataSummary
from ccnet_edge.spec.report import Evaluation, Scores
from ccnet_edge.spec.training import TrainedNetwork

# Score → what the card calls it.
METRICS = {
    "f1": "F1 (Dice)",
    "iu": "mean intersection over union, all classes",
    "jaccard": "Jaccard index",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "auc": "area under the ROC curve",
}
NOT_MEDICAL = (
    "It is not a medical device: it was not validated for diagnosis, treatment or any other "
    "clinical use, and may not be used for them."
)
UNSURE = (
    "It answers every image, also one that it cannot know anything about, and does not say how "
    "sure it is."
)


def model_card(parts: BundleParts) -> dict[str, Any]:
    """The card as JSON; without training, data and scores for a network from elsewhere."""
    data, trained, evaluation = parts.data, parts.trained, parts.evaluation
    if data is None or trained is None or evaluation is None:
        return _outside_card(parts)
    return {
        "bom-ref": "model-card",
        "modelParameters": _parameters(data, trained),
        "quantitativeAnalysis": {"performanceMetrics": _metrics(data, evaluation)},
        "considerations": _considerations(
            parts,
            use=f"segmenting images like those of “{data.name}” into {', '.join(data.classes)}",
            others=_learned(data, trained) + "; it will do worse on images that look different "
            "from those: another device, stain, population or illness.",
            made="A network thinned to the limits of a device"
            if not trained.source
            else "A network from elsewhere, as it is",
        ),
        "properties": _properties(
            widths=trained.network.widths,
            recipe=trained.recipe,
            steps=trained.steps,
            best_step=trained.best_step,
            seed=trained.seed,
            precision=parts.artifact.precision,
            weights_sha256=trained.weights_sha256,
            **({"source": trained.source} if trained.source else {}),
        ),
    }


def _learned(data: DataSummary, trained: TrainedNetwork) -> str:
    if not trained.source:
        return f"Trained on {data.train} images of one data set, “{data.name}”"
    return (
        f"From {trained.source}: what it was trained on is not known here; its scores are of "
        f"{data.test} images of “{data.name}”, which it may have been trained on"
    )


def _outside_card(parts: BundleParts) -> dict[str, Any]:
    """What is known of a network that was not trained here."""
    outside = parts.outside
    assert outside is not None
    pre, classes = outside.preprocessing, ", ".join(outside.classes)
    shape = "×".join(map(str, (1, pre.channels, *pre.input_size)))
    return {
        "bom-ref": "model-card",
        "modelParameters": {"task": "image segmentation", **_ends(shape, classes)},
        "considerations": _considerations(
            parts,
            use=f"segmenting images into {classes}",
            others="Not trained by ccnet-edge: what it was trained on is not known here, and its "
            "accuracy was not measured.",
            made="A network from elsewhere, as it is",
        ),
        "properties": _properties(
            source=outside.source,
            source_sha256=outside.sha256,
            producer=outside.producer or "not stated",
            **({"original": outside.original} if outside.original else {}),
            preprocessing_stated_by=outside.stated_by,
            precision=parts.artifact.precision,
        ),
    }


def _parameters(data: DataSummary, trained: TrainedNetwork) -> dict[str, Any]:
    network = trained.network
    widths = "-".join(map(str, network.widths))
    shape = "×".join(map(str, trained.shape))
    classes = ", ".join(data.classes)
    return {
        "approach": {"type": "supervised"},
        "task": "image segmentation",
        "architectureFamily": network.architecture,
        "modelArchitecture": f"{network.architecture} {widths}",
        "datasets": [
            {
                "type": "dataset",
                "name": data.name,
                "description": f"images with masks of the classes {classes}"
                + (", on which it was measured" if trained.source else ""),
                "contents": {
                    "properties": _properties(
                        fingerprint_sha256=data.fingerprint,
                        training_images=data.train,
                        validation_images=data.validation,
                        test_images=data.test,
                        skipped_images=len(data.skipped),
                        channels=data.channels,
                    )
                },
            }
        ],
        **_ends(shape, classes),
    }


def _ends(shape: str, classes: str) -> dict[str, Any]:
    return {
        "inputs": [{"format": f"image, float32 {shape} after preprocessing"}],
        "outputs": [{"format": f"a class for every pixel: {classes}"}],
    }


def _metrics(data: DataSummary, evaluation: Evaluation) -> list[dict[str, str]]:
    """Every score that is defined, of the trained network on its test images."""
    count = {
        "train": data.train,
        "validation": data.validation,
        "test": data.test,
    }[evaluation.split]
    where = f"{evaluation.split} split, {count} images, pooled over pixels"
    size = f"{evaluation.height}×{evaluation.width}"
    return [
        *_scores(evaluation.pooled, f"{where}, at {size}"),
        *(
            _scores(evaluation.human, f"a second observer on the same images, at {size}")
            if evaluation.human is not None
            else ()
        ),
    ]


def _scores(scores: Scores, where: str) -> list[dict[str, str]]:
    values = {name: getattr(scores, name) for name in METRICS}
    return [
        {"type": METRICS[name], "value": f"{value:.4f}", "slice": where}
        for name, value in values.items()
        if value is not None
    ]


def _considerations(parts: BundleParts, *, use: str, others: str, made: str) -> dict[str, Any]:
    height, width = parts.origin.preprocessing.height, parts.origin.preprocessing.width
    gates = [f"{gate.name}: {gate.status}" for gate in parts.gates if gate.status != "no limit"]
    detail = f"It sees an image at {height}×{width} pixels; what is smaller than one is lost."
    return {
        "users": [f"engineers who put image segmentation on {parts.target.title}"],
        "useCases": [f"{use}, for research and engineering"],
        "technicalLimitations": [others, detail, UNSURE, NOT_MEDICAL],
        "performanceTradeoffs": [
            f"{made}; whether it met the device's limits: " + "; ".join(gates)
        ],
        "ethicalConsiderations": [
            {
                "name": "use on people's images",
                "mitigationStrategy": "Not validated for clinical use. Check its accuracy on your "
                "own images, for every group of people they are of, before relying on it.",
            }
        ],
    }


def _properties(**values: object) -> list[dict[str, str]]:
    return [
        {
            "name": f"ccnet-edge:{name}",
            "value": "-".join(map(str, value)) if isinstance(value, tuple) else str(value),
        }
        for name, value in values.items()
    ]

"""The model's card, in the words of CycloneDX 1.6 (`modelCard`)."""

from __future__ import annotations

from typing import Any

from ccnet_edge.device.bundle.write import BundleParts
from ccnet_edge.spec.report import Scores

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
    """The card as JSON."""
    return {
        "bom-ref": "model-card",
        "modelParameters": _parameters(parts),
        "quantitativeAnalysis": {"performanceMetrics": _metrics(parts)},
        "considerations": _considerations(parts),
        "properties": _properties(
            widths=parts.trained.network.widths,
            recipe=parts.trained.recipe,
            steps=parts.trained.steps,
            best_step=parts.trained.best_step,
            seed=parts.trained.seed,
            precision=parts.artifact.precision,
            weights_sha256=parts.trained.weights_sha256,
        ),
    }


def _parameters(parts: BundleParts) -> dict[str, Any]:
    network, data = parts.trained.network, parts.data
    widths = "-".join(map(str, network.widths))
    shape = "×".join(map(str, parts.trained.shape))
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
                "description": f"images with masks of the classes {classes}",
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
        "inputs": [{"format": f"image, float32 {shape} after preprocessing"}],
        "outputs": [{"format": f"a class for every pixel: {classes}"}],
    }


def _metrics(parts: BundleParts) -> list[dict[str, str]]:
    """Every score that is defined, of the trained network on its test images."""
    evaluation = parts.evaluation
    count = {
        "train": parts.data.train,
        "validation": parts.data.validation,
        "test": parts.data.test,
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


def _considerations(parts: BundleParts) -> dict[str, Any]:
    height, width = parts.trained.preprocessing.height, parts.trained.preprocessing.width
    gates = [f"{gate.name}: {gate.status}" for gate in parts.gates if gate.status != "no limit"]
    data = parts.data
    others = (
        f"Trained on {data.train} images of one data set, “{data.name}”; it will do worse on "
        "images that look different from those: another device, stain, population or illness."
    )
    use = f"segmenting images like those of “{data.name}” into {', '.join(data.classes)}"
    detail = f"It sees an image at {height}×{width} pixels; what is smaller than one is lost."
    return {
        "users": [f"engineers who put image segmentation on {parts.target.title}"],
        "useCases": [f"{use}, for research and engineering"],
        "technicalLimitations": [others, detail, UNSURE, NOT_MEDICAL],
        "performanceTradeoffs": [
            "A network thinned to the limits of a device; whether it met them: " + "; ".join(gates)
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

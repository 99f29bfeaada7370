"""The stages of a build: each makes one result from its inputs, once, and finds it afterwards."""

from __future__ import annotations

from ccnet_edge.bench import (
    LocalHost,
)
from ccnet_edge.compiler.precision import export_options, measure_precisions
from ccnet_edge.compiler.request import Site
from ccnet_edge.complexity import measure
from ccnet_edge.complexity.definitions import DEFAULT_DEFINITION
from ccnet_edge.complexity.encoder import encoder_identity
from ccnet_edge.dataset import Split
from ccnet_edge.degradation.sample_advice import advise
from ccnet_edge.device.backends import runnable
from ccnet_edge.device.environment import BUILD, RUNTIME, environment, installed_versions
from ccnet_edge.device.gates import place
from ccnet_edge.export import FORMATS, TRAINED, TRAINING, export
from ccnet_edge.solver import solve
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.build import PrecisionChoice
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Solution
from ccnet_edge.spec.report import Evaluation
from ccnet_edge.spec.samples import SampleAdvice
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import evaluate, find_recipe, load_trained, torch_predict, train
from ccnet_edge.train.state import WEIGHTS

BASE_STAGES = ("base", "base-validation", "base-evaluation")
STAGES = (
    "complexity", *BASE_STAGES, "plan", "train", "evaluation", "precision", "export", "options",
    "parity", "shipped", "bench", "proof", "bundle", "archive", "device-parity",
    "examples",
)  # fmt: skip
BASE, ARTIFACT = "base", "artifact.json"


def measure_complexity(site: Site) -> ImageComplexity:
    """J and B of the training images at the size that the network will see."""
    height, width = site.size
    inputs = (site.request.data.fingerprint, height, width, DEFAULT_DEFINITION, encoder_identity())
    return site.store.value(
        "complexity",
        ImageComplexity,
        inputs,
        lambda: measure(
            site.dataset,
            height=height,
            width=width,
            scales=site.base.scales,
            progress=site.progress,
        ),
    )


def score_base(site: Site) -> tuple[Evaluation, Evaluation]:
    """The uncompressed network, trained like the plan, on the validation and the test split.

    The plan may know the first alone: nothing is chosen on test images.
    """
    trained = train_network(site, site.base, BASE)
    return (
        score(site, "base-validation", trained, BASE, split="validation"),
        score(site, "base-evaluation", trained, BASE),
    )


def solve_plan(site: Site, complexity: ImageComplexity, known: float | None) -> Solution:
    """The widths that the limits allow; `known` is the uncompressed network's accuracy."""
    request = site.request
    inputs = (
        site.base,
        complexity,
        request.degradation,
        request.limits,
        request.profile,
        request.multiplier,
        request.formulation,
        request.minimise,
        request.engine,
        known,
        request.floor,
        request.force,
    )
    return site.store.value(
        "plan",
        Solution,
        inputs,
        lambda: solve(
            site.base,
            complexity,
            request.degradation,
            request.limits,
            height=request.height,
            width=request.width,
            multiplier=request.multiplier,
            formulation=request.formulation,
            engine=request.engine,
            profile=request.profile,
            base_accuracy=known,
            floor=request.floor,
            minimise=request.minimise,
            force=request.force,
        ),
    )


def base_accuracy(site: Site, base: Evaluation | None) -> float | None:
    """The uncompressed network's accuracy: as measured here, else as given, else the preset's."""
    if base is not None:
        return base.pooled.f1 if site.request.metric == "f1" else base.pooled.iu
    return site.request.base_accuracy or site.request.degradation.base_accuracy


def advise_samples(site: Site, solution: Solution) -> SampleAdvice:
    """Whether the training images are enough for the plan."""
    request = site.request
    return advise(
        solution.network,
        images=request.data.train,
        height=request.height,
        width=request.width,
    )


def train_network(site: Site, network: NetworkSpec, folder: str = TRAINING) -> TrainedNetwork:
    """`network` from scratch, in `folder` of the build; a killed run continues."""
    request = site.request
    out = site.folder / folder

    def make() -> None:
        train(
            network,
            site.dataset,
            height=request.height,
            width=request.width,
            recipe=request.recipe,
            seed=request.seed,
            out=out,
            device=request.device,
            steps=request.steps,
            time_limit_s=request.time_limit_s,
            progress=site.progress,
        )

    inputs = (
        network,
        request.data.fingerprint,
        request.height,
        request.width,
        find_recipe(request.recipe),
        request.steps,
        request.time_limit_s,
        request.seed,
        request.device,
    )
    site.store.files(folder, inputs, (f"{folder}/{WEIGHTS}", f"{folder}/{TRAINED}"), make)
    return serial.load(TrainedNetwork, out / TRAINED)


def score(
    site: Site,
    stage: str,
    trained: TrainedNetwork,
    folder: str = TRAINING,
    *,
    split: Split = "test",
) -> Evaluation:
    """Scores of the trained network in `folder` on a split."""
    return site.store.value(
        stage,
        Evaluation,
        (trained, site.request.data.fingerprint, split),
        lambda: evaluate(
            torch_predict(load_trained(site.folder / folder)[1]),
            site.dataset,
            split=split,
            preprocessing=trained.preprocessing,
            classes=trained.classes,
            progress=site.progress,
        ),
    )


def choose_precision(site: Site, trained: TrainedNetwork) -> PrecisionChoice:
    """The precision that ships; see `measure_precisions`."""
    request = site.request
    inputs = (
        trained, request.engine, request.precision, request.strict, request.limits,
        request.data.fingerprint, request.host, request.profile.instruction_set, here(),
    )  # fmt: skip
    return site.store.value(
        "precision", PrecisionChoice, inputs, lambda: measure_precisions(site, trained)
    )


def export_model(site: Site, trained: TrainedNetwork, chosen: PrecisionChoice) -> Artifact:
    """The trained network as the file that ships."""
    precision = chosen.precision

    def make() -> None:
        site.progress("export", done=0, total=1, note=site.model.name)
        artifact = export(
            FORMATS[site.request.engine],
            site.folder / TRAINING,
            site.model,
            export_options(site, trained, precision, chosen.floats),
        )
        serial.save(artifact, site.folder / ARTIFACT)
        site.progress("export", done=1, total=1, note=site.model.name)

    calibrated = site.request.data.fingerprint if precision == "int8" else ""
    profile = site.request.profile
    versioned = (profile.tensorrt, profile.instruction_set, versions())
    inputs = (
        trained, site.request.engine, site.request.limits, precision, chosen.floats, calibrated,
        versioned,
    )  # fmt: skip
    site.store.files("export", inputs, (site.model.name, ARTIFACT), make)
    return serial.load(Artifact, site.folder / ARTIFACT)


def local_options(site: Site, options: SessionOptions) -> SessionOptions:
    """What the host can run: its own, or on this machine an engine that reads the same file."""
    return runnable(options) if isinstance(site.host, LocalHost) else options


def versions() -> tuple[tuple[str, str], ...]:
    """The libraries that results depend on."""
    return installed_versions((*RUNTIME, *BUILD.values()))


def here() -> tuple[object, ...]:
    """What measurements depend on beside the model: this machine and its libraries."""
    return (place(environment()), versions())

"""Every JSON document: what it is called, what holds it, and which commands print it."""

from __future__ import annotations

import dataclasses
import importlib


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document:
    """`holder` is "module:class"; `commands` print it with --json, `file` is where it is kept.

    `program` is what else prints it: programs that are written for devices.
    """

    holder: str
    commands: tuple[str, ...] = ()
    file: str = ""
    program: str = ""

    @property
    def cls(self) -> type:
        """The class, imported now."""
        module, name = self.holder.split(":")
        found: type = getattr(importlib.import_module(module), name)
        return found


DOCUMENTS = {
    "artifact": Document(
        holder="ccnet_edge.spec.artifact:Artifact", commands=("export",), file="artifact.json"
    ),
    "bench": Document(holder="ccnet_edge.bench.protocol:BenchReport", commands=("bench",)),
    "bench-against": Document(
        holder="ccnet_edge.spec.comparison:Comparison", commands=("bench --against BUNDLE",)
    ),
    "bench-against-file": Document(
        holder="ccnet_edge.bench.against_file:FileComparison", commands=("bench --against FILE",)
    ),
    "build": Document(
        holder="ccnet_edge.spec.build:BuildSummary",
        commands=("build", "report"),
        file="summary.json",
    ),
    "build-preview": Document(
        holder="ccnet_edge.compiler.preview:BuildPreview", commands=("build --dry-run",)
    ),
    "calibration": Document(
        holder="ccnet_edge.spec.calibration:Calibration", commands=("calibrate",)
    ),
    "comparison": Document(holder="ccnet_edge.spec.systems:SystemsTable", commands=("compare",)),
    "candidates": Document(
        holder="ccnet_edge.spec.candidates:CandidateTable", commands=("measure --all",)
    ),
    "complexity": Document(
        holder="ccnet_edge.spec.complexity:ImageComplexity",
        commands=("measure",),
        file="complexity.json",
    ),
    "feature-energy": Document(
        holder="ccnet_edge.spec.features:FeatureEnergy", commands=("measure --features FOLDER",)
    ),
    "gain": Document(holder="ccnet_edge.spec.gain:Gain", commands=("gain",)),
    "installed": Document(
        holder="ccnet_edge.device.install.install:Outcome",
        program="ccnet-install.pyz install|rollback|check --json",
    ),
    "installer-status": Document(
        holder="ccnet_edge.device.install.status:Status",
        program="ccnet-install.pyz status --json",
    ),
    "doctor": Document(holder="ccnet_edge.spec.doctor:Diagnosis", commands=("doctor",)),
    "doctor-install": Document(
        holder="ccnet_edge.spec.doctor:Section", commands=("doctor --install ENGINE",)
    ),
    "keys": Document(holder="ccnet_edge.signing:KeyPair", commands=("keygen",)),
    "manifest": Document(holder="ccnet_edge.spec.bundle:Manifest", file="manifest.json"),
    "measured": Document(
        holder="ccnet_edge.spec.bundle:Measurements", commands=("package",), file="measured.json"
    ),
    "parity": Document(
        holder="ccnet_edge.spec.report:ParityReport", commands=("parity",), file="parity.json"
    ),
    "plan": Document(holder="ccnet_edge.spec.plan:Solution", file="plan.json"),
    "plan-with-alternatives": Document(
        holder="ccnet_edge.spec.plan:PlanDocument", commands=("plan",)
    ),
    "proof": Document(holder="ccnet_edge.spec.report:RamProof", commands=("prove",)),
    "run": Document(holder="ccnet_edge.device.run:RunReport", commands=("run",)),
    "sample-advice": Document(holder="ccnet_edge.spec.samples:SampleAdvice", commands=("samples",)),
    "sample-grid": Document(
        holder="ccnet_edge.spec.samples:SampleGrid", commands=("samples --measure",)
    ),
    "sensitivity": Document(
        holder="ccnet_edge.spec.sensitivity:Sensitivity", commands=("sensitivity",)
    ),
    "signature": Document(holder="ccnet_edge.signing:SignedBundle", commands=("sign",)),
    "target": Document(holder="ccnet_edge.spec.target:DeviceProfile", commands=("targets show",)),
    "targets": Document(
        holder="ccnet_edge.cli.target_text:ProfileList", commands=("targets list",)
    ),
    "outside": Document(
        holder="ccnet_edge.spec.outside:OutsideModel", commands=("adopt FILE.onnx",)
    ),
    "trained": Document(
        holder="ccnet_edge.spec.training:TrainedNetwork",
        commands=("adopt CHECKPOINT",),
        file="trained.json",
    ),
    "training": Document(holder="ccnet_edge.train.describe:TrainingDocument", commands=("train",)),
    "verification": Document(holder="ccnet_edge.spec.bundle:Verification", commands=("verify",)),
}

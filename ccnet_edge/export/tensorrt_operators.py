"""Which ONNX operators and types each version of TensorRT takes.

Source: onnx/onnx-tensorrt, docs/operators.md (the tables of the releases 8.4, 8.5 and 10.15) and
docs/Changelog.md, which says what came with which release; ONNX releases and opsets by the same
and by NVIDIA's "ONNX Opset Guide" (TensorRT 11: opsets 9 to 24, 25 since 11.5). Read November
2026. TensorRT 11 takes what 10.15 takes, and Swish. In 10 and 11 int8 is a type of quantised
values alone: only DequantizeLinear reads it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.device.tensorrt.versions import Version

_COMPARED = "Equal Greater GreaterOrEqual Less LessOrEqual"
_REDUCED = (
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare"
)
_WAVES = "Acos Acosh Asin Asinh Atan Atanh Cos Cosh Sin Sinh Tan"
_CURVES = f"{_WAVES} BatchNormalization Ceil Celu Erf Exp Floor Log LogSoftmax Softmax Sqrt"
_RECURRENT = "GRU LSTM RNN Scan"
_RANDOM = "RandomNormal RandomNormalLike RandomUniform RandomUniformLike"

# Types → operators whose main input may have them.
TYPES_8 = {
    "fp32 fp16": f"""{_CURVES} {_REDUCED} {_RECURRENT} {_RANDOM} ArgMax ArgMin CumSum Dropout Einsum
        GridSample GroupNormalization ImageScaler InstanceNormalization IsInf LRN LayerNormalization
        LpNormalization MatMul MeanVarianceNormalization NonMaxSuppression NonZero Pow
        QuantizeLinear Reciprocal Resize ReverseSequence RoiAlign TopK Upsample""",
    "fp32 fp16 int8": """Clip Conv ConvTranspose Elu Gemm GlobalAveragePool GlobalLpPool
        GlobalMaxPool HardSigmoid HardSwish LeakyRelu LpPool MaxPool PRelu ParametricSoftplus Relu
        Round ScaledTanh Selu Sigmoid Softplus Softsign Tanh ThresholdedRelu""",
    "fp32 fp16 int32": f"""{_COMPARED} Abs Add DepthToSpace Div IsNaN Max Mean Min Mod Mul Neg Range
        Shrink SpaceToDepth Sub Sum""",
    "fp32 fp16 int8 int32": "AveragePool Pad Scatter ScatterElements ScatterND Sign",
    "fp32 fp16 int32 bool": "Expand EyeLike Flatten If Loop OneHot Split Tile Where",
    "fp32 fp16 int32 int8 bool": """Cast Concat Constant Gather GatherElements GatherND Identity
        Reshape Shape Size Slice Squeeze Transpose Trilu Unsqueeze""",
    "fp32": "ConstantOfShape",
    "int8": "DequantizeLinear",
    "bool": "And Not Or Xor",
}
TYPES_10 = {
    "fp32 fp16 bf16": f"""{_CURVES} {_RECURRENT} {_RANDOM} AveragePool Clip Conv ConvTranspose
        CumSum Dropout Einsum Elu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool
        GroupNormalization HardSigmoid HardSwish Hardmax ImageScaler InstanceNormalization IsInf
        LRN LayerNormalization
        LeakyRelu LpNormalization LpPool MatMul MaxPool MeanVarianceNormalization PRelu
        ParametricSoftplus QuantizeLinear RMSNormalization Reciprocal Resize RotaryEmbedding Round
        ScaledTanh Selu Sigmoid Softplus Softsign Swish Tanh ThresholdedRelu Upsample""",
    "fp32 fp16": """BlackmanWindow DeformConv GridSample HammingWindow HannWindow Mish
        NonMaxSuppression NonZero RoiAlign""",
    "fp32 fp16 bf16 int32 int64": f"""{_COMPARED} {_REDUCED} Abs Add ArgMax ArgMin DepthToSpace Div
        IsNaN Max Mean Min Mod Mul Neg Pad Pow Range Relu Scatter ScatterElements ScatterND Shrink
        Sign SpaceToDepth Sub Sum TopK""",
    "fp32 fp16 bf16 int32 int64 bool": """Concat Constant ConstantOfShape Expand EyeLike Flatten
        Gather GatherElements GatherND Identity If Loop OneHot Reshape ReverseSequence Shape Size
        Slice Split Squeeze Tile Transpose Trilu Unsqueeze Where""",
    "fp32 fp16 bf16 int32 int64 uint8 bool": "Cast CastLike",
    "fp32 fp16 bf16 int32": "TensorScatter",
    "fp32 fp16 bf16 int8": "Attention",
    "fp32 fp16 bf16 int8 int32 int64": "Gelu",
    "fp32": "STFT",
    "int8": "DequantizeLinear",
    "bool": "And Not Or Xor",
}
# What came after the first release of a major version.
SINCE: dict[tuple[int, int], str] = {
    (8, 2): "Einsum IsNaN GatherND Round Scatter ScatterElements ScatterND Sign",
    (8, 4): "Shrink Xor",
    (8, 5): f"""{_RANDOM} GridSample HardSwish MeanVarianceNormalization Mod NonZero OneHot
        Reciprocal RoiAlign Trilu""",
    (8, 6): "GroupNormalization IsInf LayerNormalization",
    (10, 1): "DeformConv",
    (10, 4): "BlackmanWindow HammingWindow HannWindow",
    (10, 5): "STFT",
    (10, 14): "Attention",
    (10, 15): "RMSNormalization RotaryEmbedding TensorScatter",
    (11, 0): "Swish",
}
# Inputs that have to be constants, by their places; until 8.5 the weights of convolutions too.
CONSTANT_8 = {
    "CumSum": (1,),
    "InstanceNormalization": (1, 2),
    "Slice": (3,),
    "Squeeze": (1,),
    "TopK": (1,),
    "Unsqueeze": (1,),
}
CONSTANT_10 = {
    **dict.fromkeys(_REDUCED.split(), (1,)),
    "CumSum": (1,),
    "OneHot": (1,),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
}
WEIGHTS = {"Conv": (1,), "ConvTranspose": (1,)}
WEIGHTS_FREE: Version = (8, 5, 0)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one version takes: opset and IR version at most, operators with types, constants."""

    version: Version
    opset: int
    ir_version: int
    types: dict[str, frozenset[str]]
    constants: dict[str, tuple[int, ...]]


def taken_by(version: Version) -> Taken:
    """What TensorRT `version` takes."""
    old = version < (9, 0, 0)
    later = {op for since, names in SINCE.items() if version[:2] < since for op in names.split()}
    listed = (TYPES_8 if old else TYPES_10).items()
    types = {op: frozenset(kinds.split()) for kinds, names in listed for op in names.split()}
    constants = dict(CONSTANT_8 if old else CONSTANT_10)
    if version < WEIGHTS_FREE:
        constants |= WEIGHTS
    opset, ir_version = _limits(version)
    return Taken(
        version=version,
        opset=opset,
        ir_version=ir_version,
        types={op: kinds for op, kinds in sorted(types.items()) if op not in later},
        constants=constants,
    )


def _limits(version: Version) -> tuple[int, int]:
    """Largest opset, and the IR version of the ONNX release that the parser was built with."""
    steps = (((11, 5, 0), 25, 10), ((10, 15, 0), 24, 10), ((9, 0, 0), 20, 9), ((8, 5, 0), 17, 8))
    for since, opset, ir_version in steps:
        if version >= since:
            return opset, ir_version
    return 13, 7

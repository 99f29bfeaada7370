"""How much parity may lose, by precision."""

from __future__ import annotations

from ccnet_edge.spec.parity import ParityLimits
from ccnet_edge.spec.target import Precision

# fp32: only the order of additions may differ. An engine that computes in bf16 or TF32 without
# being asked (OpenVINO on newer processors, cuDNN) is off by 1e-3 and does not pass.
RELATIVE_ERROR_LIMIT = 1e-5
FLIPPED_SHARE_LIMIT = 1e-6
EXACT = ParityLimits(relative_error=RELATIVE_ERROR_LIMIT, flipped_share=FLIPPED_SHARE_LIMIT)

# fp16 and int8 give other logits; what counts is that the masks are as good. MLPerf Inference
# asks for the same shares of the reference's accuracy, 99 % and 99.9 %, in its two classes.
ROUNDED = ParityLimits(dice_share=0.01, image_dice=0.02, hd95_px=1.0, missed_points=0.5)
STRICT = ParityLimits(dice_share=0.001, image_dice=0.02, hd95_px=1.0, missed_points=0.5)


def limits_for(precision: Precision, *, strict: bool = False) -> ParityLimits:
    """What a hop to a predictor of `precision` is judged by.

    Args:
        precision: of the predictor.
        strict: fp16 and int8 keep 99.9 % of the Dice, not 99 %.
    """
    if precision == "fp32":
        return EXACT
    return STRICT if strict else ROUNDED

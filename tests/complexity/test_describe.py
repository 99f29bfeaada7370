from ccnet_edge.complexity import DEFAULT_DEFINITION
from ccnet_edge.complexity.describe import describe
from ccnet_edge.spec.complexity import (
    ImageComplexity,
    JointComplexity,
    Mean,
    ScaleComplexity,
)

J = (Mean(value=0.0342, half_width=0.0015), Mean(value=0.0311, half_width=0.0012))
B = (Mean(value=0.1242, half_width=0.0059), Mean(value=0.1241, half_width=0.0059))
MEASURED = ImageComplexity(
    definition=DEFAULT_DEFINITION,
    encoder="libjpeg-turbo 3.1.0 (Pillow 12.0.0)",
    height=512,
    width=384,
    images=17,
    scales=tuple(ScaleComplexity(j=j, b=b) for j, b in zip(J, B, strict=True)),
    joint=JointComplexity(omega=0.7, scales=B),
)
TEXT = f"""\
measured at 512 × 384 pixels (height × width) on 17 training images
J          {DEFAULT_DEFINITION.identity}
           JPEG quality 25, 4:2:0, channels as they are, bytes per pixel; \
resized by box, scales down by box, up by bilinear
encoder    libjpeg-turbo 3.1.0 (Pillow 12.0.0)

scale   J                   B                   JB, ω = 0.7
input   0.0342 ± 0.0015     0.1242 ± 0.0059     0.1242 ± 0.0059
/2      0.0311 ± 0.0012     0.1241 ± 0.0059     0.1241 ± 0.0059

± is the half-width of the 95 % interval over images (Student's t)"""


def test_the_text_says_size_definition_and_encoder_above_the_table() -> None:
    assert describe(MEASURED) == TEXT


def test_given_figures_have_no_interval_and_no_heading() -> None:
    text = describe(ImageComplexity.given((0.1518, 0.0857)))
    assert text.strip().splitlines() == [
        "scale   J                   B",
        "input   0.1518              not measured",
        "/2      0.0857              not measured",
    ]

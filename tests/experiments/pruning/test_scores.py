"""Scores against what can be worked out by hand on a network of one convolution and a head."""

import pytest
import torch

from ccnet_edge.experiments.pruning import importance_scores, l1_scores, taylor_scores
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.spec.network import NetworkSpec, Node
from ccnet_edge.train.patches import Batch

# Input 1 → two 1×1 filters with weights 2 and −3, biases by normalisation → head with 0.5 and 4.
# Images of two pixels of constant value; the loss is the sum of the logits, so ∂L/∂z is the
# head's weight wherever z is, and z is w·x where that is above 0.
WEIGHTS, HEAD = (2.0, -3.0), (0.5, 4.0)


@pytest.fixture
def module() -> SpecModule:
    nodes = (
        Node(name="input", op="input", width=1),
        Node(name="hidden", op="conv_bn_relu", inputs=("input",), width=2, kernel=1),
        Node(name="head", op="conv", inputs=("hidden",), width=1, kernel=1),
    )
    found = build_module(NetworkSpec(architecture="toy", nodes=nodes, widths=(2,)))
    weights = dict(found.named_parameters())
    weights["blocks.hidden.conv.weight"].data[:, 0, 0, 0] = torch.tensor(WEIGHTS)
    weights["blocks.head.weight"].data[0, :, 0, 0] = torch.tensor(HEAD)
    for name, buffer in found.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(1 - 1e-5)
    return found


def batch(*values: float) -> Batch:
    images = (
        torch.tensor(values, dtype=torch.float32)[:, None, None, None]
        .expand(-1, 1, 1, 2)
        .contiguous()
    )
    return Batch(images=images, labels=torch.zeros((len(values), 1, 2), dtype=torch.uint8))


def summed(logits: torch.Tensor, _labels: torch.Tensor) -> torch.Tensor:
    return logits.sum()


def test_l1_is_the_sum_of_magnitudes_of_a_filter(module: SpecModule) -> None:
    assert l1_scores(module)["hidden"].tolist() == [2, 3]
    assert l1_scores(module)["head"].tolist() == [4.5]


def test_taylor_is_the_mean_change_of_the_loss_by_example_normalised_by_layer(
    module: SpecModule,
) -> None:
    # Example 1: z = (2, 0), z·∂L/∂z = (1, 0). Example −2: z = (0, 6), product (0, 24).
    # Example 3: (6, 0), (3, 0). Sums (4, 24), of norm 4·√37.
    found = taylor_scores(module, [batch(1, -2), batch(3)], summed)["hidden"]
    torch.testing.assert_close(found, torch.tensor([1.0, 6.0]) / 37**0.5)


def test_importance_is_the_squared_gradient_of_a_gate_summed_over_batches(
    module: SpecModule,
) -> None:
    # Two pixels each: the first batch's gates have gradients (2, 48), the second's (6, 0).
    found = importance_scores(module, [batch(1, -2), batch(3)], summed)["hidden"]
    torch.testing.assert_close(found, torch.tensor([2.0**2 + 6.0**2, 48.0**2]))


def test_scores_leave_no_gradients_and_no_statistics_behind(module: SpecModule) -> None:
    before = {name: value.clone() for name, value in module.state_dict().items()}
    taylor_scores(module, [batch(1, -2)], summed)
    assert all(p.grad is None for p in module.parameters())
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, before[name])

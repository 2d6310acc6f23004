"""What a network costs: parameters and Mult-Adds as the paper counts them."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

OUTPUT_SIZE = 960  # Section IV-D6: Mult-Adds are calculated with a 960×960 output


def parameters(network: nn.Module) -> int:
    """Return the number of learnable values.

    Example:
        >>> parameters(nn.Conv2d(3, 64, 3))
        1792
    """
    return sum(parameter.numel() for parameter in network.parameters())


def kernel_weights(network: nn.Module) -> int:
    """Return the number of values in convolutions' kernels: biases and all else left out.

    Example:
        >>> kernel_weights(nn.Conv2d(3, 64, 3))
        1728
    """
    return sum(parameter.numel() for parameter in network.parameters() if parameter.ndim == 4)


def mult_adds(
    network: nn.Module, scale: int, *, output_size: int = OUTPUT_SIZE, channels: int = 3
) -> int:
    """Return the multiply-adds of the network's convolutions for one square output.

    Deconvolutions count at their input's size. Nothing is computed: the network is run on PyTorch's
    meta device, and PyTorch's own counter (which counts two operations a multiply-add) reads along.

    Args:
        network: Or a part of one.
        scale: Of the output's sides to the input's.
        output_size: The output's side in pixels.
        channels: Of the input, 3 for RGB.

    Example:
        >>> mult_adds(nn.Conv2d(3, 64, 3, padding=1), scale=1, output_size=10)
        172800
    """
    size = output_size // scale
    weights = {name: value.to("meta") for name, value in network.state_dict().items()}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        x = torch.empty(1, channels, size, size, device="meta")
        torch.func.functional_call(network, weights, x)
    return int(counter.get_total_flops()) // 2

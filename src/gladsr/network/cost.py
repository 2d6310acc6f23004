"""The costs of a network, parameters and Mult-Adds, counted as in the paper."""

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
    """Return the number of weights in convolution kernels, without biases and all else.

    Example:
        >>> kernel_weights(nn.Conv2d(3, 64, 3))
        1728
    """
    return sum(parameter.numel() for parameter in network.parameters() if parameter.ndim == 4)


def mult_adds(
    network: nn.Module, scale: int, *, output_size: int = OUTPUT_SIZE, channels: int = 3
) -> int:
    """Return the multiply-adds of a network's convolutions for one square output.

    Deconvolutions are counted at the size of their input. The network runs on PyTorch's meta
    device, without computing anything, under PyTorch's counter of operations, which counts two for
    each multiply-add.

    Args:
        network: A network or a part of one.
        scale: The ratio of the output's sides to the input's.
        output_size: The output's side in pixels.
        channels: The channels of the input.

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

"""Training images in the memory of a device, and crops that are cut there."""

import numpy as np
import torch
from torch import Tensor

from gladsr.errors import DataError
from gladsr.pictures import resize
from gladsr.training.data import PairedImages, Pixels
from gladsr.training.patterns import pattern


class ResidentCrops:
    """An endless sequence of batches like that of ``Crops``, with all images kept on the device.

    The host draws which image, offset, flips, turn and order of colours each crop has: a table of
    a few whole numbers. The device does the rest, in operations that a CUDA graph can hold.
    Patterns are further small images, drawn with the probability ``patterns``.

    Args:
        pairs: The images. Those smaller than a crop are left out.
        patch: Side of a crop in LR pixels.
        seed: The seed of the sequence.
        device: The PyTorch device.
        taught: A teacher's outputs for the images, which are targets too.
        area_power: With 1, every pixel is equally likely to be drawn, with 0 every image.
        shuffle_colours: Whether to put the colour channels in random order.
        patterns: The share of crops that are patterns.
        different_patterns: How many patterns there are.

    Raises:
        DataError: No image is as large as a crop.
    """

    def __init__(
        self,
        pairs: PairedImages,
        patch: int,
        seed: int,
        device: str,
        *,
        taught: list[Pixels] | None = None,
        area_power: float = 1.0,
        shuffle_colours: bool = False,
        patterns: float = 0.0,
        different_patterns: int = 1024,
    ) -> None:
        self.patch, self.seed, self.shuffle_colours = patch, seed, shuffle_colours
        large = [i for i, lr in enumerate(pairs.lr) if min(lr.shape[:2]) >= patch]
        if not large:
            raise DataError(f"no training image is as large as a crop of {patch} LR pixels")
        self.left_out = len(pairs) - len(large)
        lr = [pairs.lr[i] for i in large]
        targets = [[images[i] for i in large] for images in (pairs.hr, taught) if images]
        self.scale = len(targets[0][0]) // len(lr[0])
        weights = np.array([image.shape[0] * image.shape[1] for image in lr]) ** area_power
        chances = (1 - patterns) * weights / weights.sum()
        if patterns:
            random = np.random.default_rng((seed, 0))
            made = [pattern(_crop(lr, patch, random), random) for _ in range(different_patterns)]
            lr += made
            for images in targets:
                images += [resize(image, scale=self.scale) for image in made]
            chances = np.append(chances, np.full(len(made), patterns / len(made)))
        self._chances = np.cumsum(chances)
        self._sizes = np.array([image.shape[:2] for image in lr])
        areas = self._sizes.prod(1)
        self._starts = np.cumsum(areas) - areas
        self._lr = _on(device, lr)
        self._targets = [_on(device, images) for images in targets]

    def plan(self, step: int, batch: int) -> Tensor:
        """Draw the crops of a step; they depend on (seed, step) alone.

        Returns:
            (batch, 10), int64: where the image starts in the list of all LR pixels, its width, the
            crop's top and left, whether it is flipped vertically and horizontally and transposed,
            and which channel becomes R, G and B.
        """
        random = np.random.default_rng((self.seed, step + 1))
        chosen = np.searchsorted(self._chances, random.random(batch), "right")
        chosen = chosen.clip(max=len(self._chances) - 1)
        offsets = random.integers(self._sizes[chosen] - self.patch + 1)
        turns = random.integers(2, size=(batch, 3))
        colours = np.tile(np.arange(3), (batch, 1))
        if self.shuffle_colours:
            colours = random.permuted(colours, axis=1)
        columns = (self._starts[chosen], self._sizes[chosen, 1], offsets, turns, colours)
        return torch.from_numpy(np.column_stack(columns))

    def cut(self, plan: Tensor) -> tuple[Tensor, ...]:
        """Cut a step's crops.

        Args:
            plan: From ``plan``, on the device.

        Returns:
            As ``Crops.batch``: LR, HR and, with a teacher, its outputs, in [0, 1], channels_last.
        """
        return (
            self._gather(self._lr, plan, 1),
            *(self._gather(target, plan, self.scale) for target in self._targets),
        )

    def _gather(self, pixels: Tensor, plan: Tensor, scale: int) -> Tensor:
        """Return the crops of images that are ``scale`` times as large as LR."""
        side = scale * self.patch
        start, width, top, left, down, across, transposed = plan[:, :7, None].unbind(1)
        along = torch.arange(side, device=plan.device)
        y, x = (torch.where(flip == 1, side - 1 - along, along) for flip in (down, across))
        transposed = transposed[..., None] == 1
        rows = torch.where(transposed, y[:, None, :], y[:, :, None])  # (N, side, side) from here on
        columns = torch.where(transposed, x[:, :, None], x[:, None, :])
        start, width, top, left = (value[..., None] for value in (start, width, top, left))
        rows, columns = rows + scale * top, columns + scale * left
        crops = pixels[start * scale**2 + rows * (scale * width) + columns]  # (N, side, side, 3)
        colours = plan[:, None, None, 7:].expand_as(crops)
        return crops.gather(3, colours).permute(0, 3, 1, 2).float().div_(255)


def _crop(images: list[Pixels], side: int, random: np.random.Generator) -> Pixels:
    """Return a square of a random image."""
    image = images[random.integers(len(images))]
    top, left = random.integers(np.array(image.shape[:2]) - side + 1)
    return image[top : top + side, left : left + side]


def _on(device: str, images: list[Pixels]) -> Tensor:
    """Return all pixels of images, (n, 3), uint8, on a device."""
    return torch.from_numpy(np.concatenate([image.reshape(-1, 3) for image in images])).to(device)

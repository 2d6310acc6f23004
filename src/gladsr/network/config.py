"""The configuration of the network: all numbers and choices of the paper's Section III."""

from dataclasses import dataclass
from typing import Literal, Self

Upsampler = Literal["deconvolution", "sub-pixel", "separable", "spu"]


@dataclass(frozen=True, kw_only=True)
class GladsrConfig:
    """One network of the GLADSR family; the defaults are GLADSR itself.

    The paper leaves ``reduction``, ``mask_channels``, ``slope``, ``bottleneck_sees_input`` and
    ``ndg_residual`` open. With their defaults, parameters and Mult-Adds are those of Table II.

    Attributes:
        scale: The factor s between input and output, 2, 3 or 4.
        glams: G, the number of GLAMs in each NDG.
        lsbs: B, the number of LSBs in each GLAM.
        features: Channels of FENet and of each NDG's bottleneck.
        growth: K = K0, the channels of every GLAM and LSB.
        expansion: τ, how many times wider the WAU's first convolution is.
        reduction: R, how many times narrower the CSU's hidden layer is.
        mask_channels: Channels of the guided mask R_s, 1 or ``growth``.
        slope: The negative slope of every LReLU.
        csu: Channel selective units on; off in Table I's rows without LSB.
        sgu: Spatial guided units on; off in Table I's rows without GGB.
        nested_dense: Nested dense connections on; off, a GLAM sees the previous GLAM alone.
        bottleneck_sees_input: The bottleneck of an NDG sees D0 as well as D1 … DG.
        ndg_residual: An identity connection around each NDG.
        upsampler: One of Table IV's four.
        coarse_output: Off, the network is GLADSR-nr of Section IV-D3: one output, no y_c.
    """

    scale: int = 2
    glams: int = 4
    lsbs: int = 4
    features: int = 64
    growth: int = 32
    expansion: int = 3
    reduction: int = 4
    mask_channels: int = 1
    slope: float = 0.2
    csu: bool = True
    sgu: bool = True
    nested_dense: bool = True
    bottleneck_sees_input: bool = False
    ndg_residual: bool = False
    upsampler: Upsampler = "spu"
    coarse_output: bool = True

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: A field is out of range.
        """
        if self.scale not in (2, 3, 4):
            raise ValueError(f"scale is {self.scale}, but must be 2, 3 or 4")
        for name in ("glams", "lsbs", "features", "growth", "expansion", "reduction"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be 1 or more")
        if self.mask_channels not in (1, self.growth):
            raise ValueError(f"mask_channels is {self.mask_channels}, not 1 or {self.growth}")
        if self.growth % self.reduction:
            raise ValueError(f"reduction {self.reduction} does not divide growth {self.growth}")
        multiple = {"spu": 16, "separable": 4, "sub-pixel": 8}.get(self.upsampler, 1)
        if self.features % multiple:
            raise ValueError(
                f"features is {self.features}, but must be a multiple of {multiple} for the "
                f"upsampler {self.upsampler}"
            )

    @classmethod
    def named(cls, name: str, scale: int = 2) -> Self:
        """Return one of the paper's three sizes, a key of ``SIZES``.

        Raises:
            ValueError: There is no such size or scale.

        Example:
            >>> GladsrConfig.named("gladsr-l").glams
            2
        """
        if name not in SIZES:
            raise ValueError(f"there is no network {name!r}; choose from {', '.join(SIZES)}")
        glams, lsbs = SIZES[name]
        return cls(scale=scale, glams=glams, lsbs=lsbs)


SIZES = {"gladsr": (4, 4), "gladsr-l": (2, 4), "gladsr-large": (8, 10)}
"""G and B of GLADSR, GLADSR-L and GLADSR (large) (Section IV-E)."""

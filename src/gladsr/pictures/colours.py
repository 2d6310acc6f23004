"""The colours of pictures without an ICC profile: code points of ITU-T H.273, or PNG's numbers."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Chromaticities of red, green, blue and white by the code points of H.273, Table 2.
_PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.3100, 0.3160),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 0.3127, 0.3290),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3140, 0.3510),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
}
_BT709, _UNSPECIFIED = 1, 2
_SRGB, _PQ, _HLG = 13, 16, 18
# ICC parametric curves by transfer characteristics (H.273, Table 3): g, a, b, c, d of
# Y = (aX + b)^g for X ≥ d, else cX; one number is a plain gamma.
_CURVES: dict[int, tuple[float, ...]] = {
    **dict.fromkeys((1, 6, 14, 15), (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
    _SRGB: (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
}
_NAMES = {_PQ: "PQ", _HLG: "HLG"}
_UNIT = 100_000  # of PNG's numbers
_GAMMA_OF_SRGB = range(45_000, 46_001)
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True, slots=True)
class Colours:
    """How the numbers of a picture without an ICC profile are meant.

    Attributes:
        cicp: Colour primaries and transfer characteristics as code points of H.273. They take
            precedence over an ICC profile and over what follows.
        full_range: Whether black is 0 and white the largest number; only with ``cicp``.
        gamma: PNG's gAMA, in 1/100,000.
        chromaticities: PNG's cHRM: white, red, green and blue, each x and y, in 1/100,000.
    """

    cicp: tuple[int, int] | None = None
    full_range: bool = True
    gamma: int | None = None
    chromaticities: tuple[int, ...] | None = None

    @property
    def is_srgb(self) -> bool:
        """Whether they are those of a picture that declares none."""
        if self.cicp:
            code, transfer = self.cicp
            return (
                self.full_range
                and code in {_BT709, _UNSPECIFIED}
                and transfer in {_SRGB, _UNSPECIFIED}
            )
        plain_gamma = self.gamma is None or self.gamma in _GAMMA_OF_SRGB
        primaries = np.array(self._primaries())
        return plain_gamma and np.allclose(primaries, _PRIMARIES[_BT709], atol=0.001)

    @property
    def name(self) -> str:
        """A name for messages.

        >>> Colours(cicp=(9, 16)).name
        'PQ'
        """
        if self.cicp:
            return _NAMES.get(self.cicp[1], "cICP {}/{}".format(*self.cicp))
        return "gAMA and cHRM"

    def profile(self, *, grey: bool = False) -> bytes | None:
        """Return an ICC profile of the same colours.

        Args:
            grey: Whether for grey pixels instead of RGB.

        Returns:
            A profile of version 4; None if no such profile is equal: for PQ and HLG, whose white
            is not the brightest value, for limited range, and for unknown code points.

        >>> Colours(cicp=(12, 13)).profile()[36:40]
        b'acsp'
        >>> Colours(cicp=(9, 16)).profile() is None
        True
        """
        primaries, curve = self._primaries(), self._curve()
        if primaries is None or curve is None or not self.full_range:
            return None
        curve_tag = b"para" + struct.pack(">IHH", 0, 0 if len(curve) == 1 else 3, 0)
        curve_tag += b"".join(_fixed(number) for number in curve)
        tags = {b"desc": _text(f"gladsr {self.name}"), b"cprt": _text("CC0"), b"wtpt": _xyz(_D50)}
        if grey:
            tags[b"kTRC"] = curve_tag
        else:
            columns, adaptation = _to_d50(primaries)
            tags[b"chad"] = b"sf32\0\0\0\0" + b"".join(map(_fixed, adaptation.flat))
            for index, name in enumerate((b"r", b"g", b"b")):
                tags[name + b"XYZ"] = _xyz(columns[:, index])
                tags[name + b"TRC"] = curve_tag
        return _icc(tags, b"GRAY" if grey else b"RGB ")

    def _primaries(self) -> tuple[float, ...] | None:
        if self.cicp:
            code = self.cicp[0]
            return _PRIMARIES.get(_BT709 if code == _UNSPECIFIED else code)
        if self.chromaticities is None:
            return _PRIMARIES[_BT709]
        white, rest = self.chromaticities[:2], self.chromaticities[2:]
        return tuple(number / _UNIT for number in (*rest, *white))

    def _curve(self) -> tuple[float, ...] | None:
        if self.cicp:
            code = self.cicp[1]
            return _CURVES.get(_SRGB if code == _UNSPECIFIED else code)
        if self.gamma is None or self.gamma in _GAMMA_OF_SRGB:
            return _CURVES[_SRGB]
        return (_UNIT / self.gamma,) if self.gamma else None


def _to_d50(primaries: tuple[float, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrix from linear RGB to XYZ adapted to D50, and the adaptation (Bradford)."""
    x, y = np.array(primaries).reshape(4, 2).T
    xyz = np.array([x / y, np.ones(4), (1 - x - y) / y])
    white = xyz[:, 3]
    columns = xyz[:, :3] * np.linalg.solve(xyz[:, :3], white)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adaptation = np.linalg.inv(_BRADFORD) @ (gains[:, None] * _BRADFORD)
    return adaptation @ columns, adaptation


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(number * 2**16))


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _text(text: str) -> bytes:
    data = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III4sII", 0, 1, 12, b"enUS", len(data), 28) + data


def _icc(tags: dict[bytes, bytes], space: bytes) -> bytes:
    """Return an ICC profile of version 4.3 for displays (ICC.1:2010, section 7)."""
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(value))
        data += value + b"\0" * (-len(value) % 4)
    size = start + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x04300000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += b"".join(map(_fixed, _D50))
    return head.ljust(128, b"\0") + table + data

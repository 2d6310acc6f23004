"""The codecs that films can be encoded with, and their settings. Needs no film library."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gladsr.errors import EncodingError

Codec = Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1"]

_X26X_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)


@dataclass(frozen=True)
class Encoder:
    """The encoder of a codec.

    Attributes:
        name: FFmpeg's name for it.
        crf: The default constant rate factor; None if it has none.
        max_crf: The largest constant rate factor.
        presets: Its presets, from fast to slow or from slow to fast.
        options: Options that are always set.
    """

    name: str
    crf: int | None = None
    max_crf: int = 0
    presets: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


ENCODERS: Mapping[str, Encoder] = {
    "h264": Encoder("libx264", 18, 51, _X26X_PRESETS),
    "hevc": Encoder("libx265", 20, 51, _X26X_PRESETS, {"x265-params": "log-level=none"}),
    "av1": Encoder("libsvtav1", 24, 63, tuple(map(str, range(14)))),
    "vp9": Encoder("libvpx-vp9", 24, 63, options={"b": "0", "row-mt": "1"}),
    "prores": Encoder("prores_ks"),
    "ffv1": Encoder("ffv1"),
}


@dataclass(frozen=True)
class Encoding:
    """How films are encoded.

    Attributes:
        codec: The codec. If None, the input's own where it can be encoded at the input's bit depth,
            otherwise H.264, or AV1 in WebM.
        crf: The constant rate factor: lower means better quality and larger files. The codec's
            default if None.
        preset: The encoder's preset, which trades time for file size. The encoder's default if
            None.

    Raises:
        EncodingError: The codec has no such setting.

    Example:
        >>> Encoding("prores", crf=20)
        Traceback (most recent call last):
        ...
        gladsr.errors.EncodingError: prores has no crf
    """

    codec: Codec | None = None
    crf: int | None = None
    preset: str | None = None

    def __post_init__(self) -> None:
        """Check the settings as far as possible without a film."""
        if self.codec is not None:
            self.check(self.codec)

    def check(self, codec: str) -> None:
        """Check the settings for a codec.

        Raises:
            EncodingError: The codec has no such setting.
        """
        if codec not in ENCODERS:
            raise EncodingError(f"there is no codec {codec!r}; choose from {', '.join(ENCODERS)}")
        encoder = ENCODERS[codec]
        if self.crf is not None:
            if encoder.crf is None:
                raise EncodingError(f"{codec} has no crf")
            if not 0 <= self.crf <= encoder.max_crf:
                raise EncodingError(
                    f"the crf is {self.crf}, but that of {codec} is 0 to {encoder.max_crf}"
                )
        if self.preset is not None and self.preset not in encoder.presets:
            presets = ", ".join(encoder.presets) or "none"
            raise EncodingError(f"{codec} has no preset {self.preset!r}; it has {presets}")

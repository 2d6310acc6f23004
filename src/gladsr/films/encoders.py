"""What films are encoded with: the codecs, their settings and their pixels."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gladsr.errors import EncodingError

if TYPE_CHECKING:
    from av import VideoFormat

Codec = Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1"]

_X26X_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)


@dataclass(frozen=True)
class Encoder:
    """An encoder of a codec.

    Attributes:
        name: As FFmpeg calls it.
        crf: The constant rate factor unless another is asked for; None if it has none.
        worst: The largest constant rate factor.
        presets: What it calls the steps from fast to slow, or from slow to fast.
        options: What it is told besides.
    """

    name: str
    crf: int | None = None
    worst: int = 0
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
        codec: The codec. If None, the film's own where there is an encoder of it for films of its
            depth, otherwise H.264, or AV1 in WebM.
        crf: The constant rate factor: smaller is larger and better. The codec's usual one if None.
        preset: The encoder's own word for how long it takes; its usual one if None.

    Raises:
        EncodingError: The codec has no such setting.

    Example:
        >>> Encoding("prores", crf=20)
        Traceback (most recent call last):
        ...
        gladsr.films.encoders.EncodingError: prores has no crf
    """

    codec: Codec | None = None
    crf: int | None = None
    preset: str | None = None

    def __post_init__(self) -> None:
        """Check the settings as far as they can be without a film."""
        if self.codec is not None:
            self._check(self.codec)

    def _check(self, codec: str) -> None:
        if codec not in ENCODERS:
            raise EncodingError(f"there is no codec {codec!r}; there are {', '.join(ENCODERS)}")
        encoder = ENCODERS[codec]
        if self.crf is not None:
            if encoder.crf is None:
                raise EncodingError(f"{codec} has no crf")
            if not 0 <= self.crf <= encoder.worst:
                raise EncodingError(
                    f"the crf is {self.crf}, but that of {codec} is 0 to {encoder.worst}"
                )
        if self.preset is not None and self.preset not in encoder.presets:
            presets = ", ".join(encoder.presets) or "none"
            raise EncodingError(f"{codec} has no preset {self.preset!r}; it has {presets}")

    def chosen(
        self, own: str, film: "VideoFormat", supported: Collection[str]
    ) -> tuple[Encoder, "VideoFormat", dict[str, str]]:
        """Return the encoder for a film, the kind of its pixels, and its options.

        Args:
            own: The film's codec, as FFmpeg calls it.
            film: The kind of the film's pixels.
            supported: The encoders of which the file can hold what they make.

        Raises:
            EncodingError: The file cannot hold it, or the codec has no such setting.
        """
        from av import Codec as Known  # noqa: PLC0415 - needs the extra gladsr[video]

        codecs = [self.codec] if self.codec else dict.fromkeys((own, "h264", "av1", "vp9"))
        found = {
            codec: closest_format(film, Known(ENCODERS[codec].name, "w").video_formats or ())
            for codec in codecs
            if codec in ENCODERS and ENCODERS[codec].name in supported
        }
        if not found:
            raise EncodingError(f"its format does not hold {self.codec or 'what can be encoded'}")
        deep = min(depth(film), 10)
        codec = next((codec for codec in found if depth(found[codec]) >= deep), next(iter(found)))
        self._check(codec)
        encoder = ENCODERS[codec]
        options = dict(encoder.options)
        crf = encoder.crf if self.crf is None else self.crf
        if crf is not None:
            options["crf"] = str(crf)
        if self.preset is not None:
            options["preset"] = self.preset
        return encoder, found[codec], options


def closest_format(film: "VideoFormat", choices: Iterable["VideoFormat"]) -> "VideoFormat":
    """Return the kind of pixels that loses least of a film's, and else adds least.

    What counts is, in this order: its transparency, its depth, its resolution of colour.

    Args:
        film: The kind of the film's pixels.
        choices: Those that an encoder takes.

    Example:
        >>> from av import Codec, VideoFormat
        >>> x264 = Codec("libx264", "w").video_formats
        >>> [closest_format(VideoFormat(name), x264).name for name in ("yuvj420p", "yuv420p12le")]
        ['yuv420p', 'yuv420p10le']
    """
    alpha, bits, colour = _holds(film)

    def cost(choice: "VideoFormat") -> tuple[object, ...]:
        other_alpha, other_bits, other_colour = _holds(choice)
        return (
            alpha > other_alpha,
            max(0, bits - other_bits),
            max(0, colour - other_colour),
            is_rgb(film) and not choice.is_rgb,
            choice.is_rgb and not is_rgb(film),
            other_alpha - alpha,
            other_bits - bits,
            other_colour - colour,
        )

    # The kinds with a j are those without it in the full range, which is said apart.
    return min((choice for choice in choices if not choice.name.startswith("yuvj")), key=cost)


def has_alpha(kind: "VideoFormat") -> bool:
    """Return whether pixels have transparency."""
    return any(part.is_alpha for part in kind.components)


def is_rgb(kind: "VideoFormat") -> bool:
    """Return whether pixels are RGB, by themselves or in a palette."""
    return kind.is_rgb or kind.has_palette


def depth(kind: "VideoFormat") -> int:
    """Return how many bits a channel has."""
    return max(part.bits for part in kind.components)


def _holds(kind: "VideoFormat") -> tuple[bool, int, int]:
    """Return whether there is alpha, the bits of a channel, and the colours for 16×16 pixels."""
    coloured = kind.has_palette or sum(not part.is_alpha for part in kind.components) == 3
    return has_alpha(kind), depth(kind), coloured * kind.chroma_width(16) * kind.chroma_height(16)

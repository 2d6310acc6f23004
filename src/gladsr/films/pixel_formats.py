"""FFmpeg's pixel formats: what they hold, and which ones to convert to."""

from collections.abc import Iterable

from av import VideoFormat
from av.video.reformatter import Interpolation

SCALING = (
    Interpolation.BICUBIC
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
)
"""How FFmpeg's scaler resamples chroma."""


def has_alpha(format_: VideoFormat) -> bool:
    """Return whether pixels have an alpha channel."""
    return any(component.is_alpha for component in format_.components)


def is_rgb(format_: VideoFormat) -> bool:
    """Return whether pixels are RGB, directly or through a palette."""
    return format_.is_rgb or format_.has_palette


def bit_depth(format_: VideoFormat) -> int:
    """Return the number of bits of a channel."""
    return max(component.bits for component in format_.components)


def working_format(format_: VideoFormat, *, alpha: bool) -> str:
    """Return the 16-bit format without chroma subsampling that a format is converted through."""
    if is_rgb(format_):
        return "rgba64le" if alpha else "rgb48le"
    return "yuva444p16le" if alpha else "yuv444p16le"


def closest_format(film: VideoFormat, choices: Iterable[VideoFormat]) -> VideoFormat:
    """Return the format that loses the least of a film's pixels and, among these, adds the least.

    Alpha counts most, then bit depth, then chroma resolution.

    Args:
        film: The film's pixel format.
        choices: The formats that an encoder accepts.

    Example:
        >>> from av import Codec, VideoFormat
        >>> x264 = Codec("libx264", "w").video_formats
        >>> [closest_format(VideoFormat(name), x264).name for name in ("yuvj420p", "yuv420p12le")]
        ['yuv420p', 'yuv420p10le']
    """
    alpha, bits, chroma = _capacity(film)

    def cost(choice: VideoFormat) -> tuple[object, ...]:
        other_alpha, other_bits, other_chroma = _capacity(choice)
        return (
            alpha > other_alpha,
            max(0, bits - other_bits),
            max(0, chroma - other_chroma),
            is_rgb(film) and not choice.is_rgb,
            choice.is_rgb and not is_rgb(film),
            other_alpha - alpha,
            other_bits - bits,
            other_chroma - chroma,
        )

    # The yuvj formats are the yuv ones in full range, which is signalled separately.
    return min((choice for choice in choices if not choice.name.startswith("yuvj")), key=cost)


def _capacity(format_: VideoFormat) -> tuple[bool, int, int]:
    """Return whether there is alpha, the bit depth, and the chroma samples of 16×16 pixels."""
    colours = sum(not component.is_alpha for component in format_.components)
    has_chroma = format_.has_palette or colours == 3
    chroma = has_chroma * format_.chroma_width(16) * format_.chroma_height(16)
    return has_alpha(format_), bit_depth(format_), chroma

"""The contents of a picture file: pixels and metadata, of one picture or of several."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from gladsr.pictures.colours import Colours

MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An upright picture and the metadata of its file.

    Attributes:
        pixels: H×W grey, H×W×2 grey and alpha, H×W×3 RGB or H×W×4 RGB and alpha, the alpha not
            multiplied in; uint8, uint16, or floating point in [0, 1]. Those of a large picture may
            lie in a temporary file (`gladsr.pictures.mapped`).
        extra: H×W×K, channels of a TIFF file that are neither colours nor alpha, such as infrared.
        icc_profile: The ICC profile of the pixels; without it and `colours` they are sRGB.
        colours: The colours of the pixels where they are declared otherwise than by a profile.
        exif: The EXIF block as it is in the file. Its orientation is already applied to the
            pixels; writing resets it, and corrects sizes, resolution and thumbnail.
        iptc: IPTC records.
        xmp: The XMP packet, which is corrected as the EXIF block is.
        text: The text of a PNG file, by keyword.
        dpi: The resolution across and down in dots per inch, if the file declares one.
        float_range: The values in a floating-point file that 0 and 1 in the pixels stand for.
        on_its_side: Whether it is shown rotated by a quarter turn, as only frames of films are.
    """

    pixels: NDArray[Any]
    extra: NDArray[Any] | None = None
    icc_profile: bytes | None = None
    colours: Colours | None = None
    exif: bytes | None = None
    iptc: bytes | None = None
    xmp: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None
    float_range: tuple[float, float] = (0, 1)
    on_its_side: bool = False

    def without_metadata(self) -> "Picture":
        """Return the picture with only what defines its colours."""
        return Picture(
            self.pixels,
            extra=self.extra,
            icc_profile=self.icc_profile,
            colours=self.colours,
            float_range=self.float_range,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """The contents of a picture file: one picture, the pages of a TIFF file, or an animation.

    Attributes:
        pictures: The pages or frames in their order. They can be iterated over once, and each is
            decoded or computed only then.
        count: Their number.
        delays: How long each frame of an animation is shown, in ms; None for other pictures.
        plays: How often an animation is shown, 0 for ever.
        alike: Whether all pages have the size and the kind of the first.
    """

    pictures: Iterable[Picture]
    count: int = 1
    delays: tuple[int, ...] | None = None
    plays: int = 0
    alike: bool = True


def pixels_of(image: Any) -> NDArray[Any]:
    """Compute the pixels of an image of libvips, in the shape of `Picture.pixels`."""
    shape = (image.height, image.width, image.bands)
    pixels: NDArray[Any] = image.numpy()  # leaves out the axes of a single pixel
    return pixels.reshape(shape if image.bands > 1 else shape[:2])

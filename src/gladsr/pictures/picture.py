"""What a picture file holds: the pixels and what belongs to them, once or many times."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An upright picture and what its file says about it.

    Attributes:
        pixels: H×W grey, H×W×2 grey and alpha, H×W×3 RGB or H×W×4 RGB and alpha, the alpha not
            multiplied in; uint8, uint16, or floating point in [0, 1]. Those of a large picture may
            lie in a temporary file (`gladsr.pictures.mapped`).
        icc_profile: The colour profile of the pixels; sRGB is meant where there is none.
        exif: The EXIF block as it stood in the file. Its orientation is already applied to the
            pixels; when it is written, it is reset, and sizes, resolution and thumbnail corrected.
        iptc: The records of IPTC.
        xmp: The XMP packet, which is corrected like the EXIF block.
        text: What PNG holds in words, by keyword.
        png_colours: The chunks by which PNG states its colours without a profile: cICP, gAMA, cHRM.
        dpi: The resolution across and down in dots per inch, if the file states one.
        float_range: The values in a floating-point file for which 0 and 1 stand in the pixels.
        on_its_side: Whether it is shown rotated by a quarter turn, as only frames of films are.
    """

    pixels: NDArray[Any]
    icc_profile: bytes | None = None
    exif: bytes | None = None
    iptc: bytes | None = None
    xmp: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    png_colours: bytes = b""
    dpi: tuple[float, float] | None = None
    float_range: tuple[float, float] = (0, 1)
    on_its_side: bool = False

    def without_metadata(self) -> "Picture":
        """Return the picture with nothing but what states its colours."""
        return Picture(
            self.pixels,
            icc_profile=self.icc_profile,
            png_colours=self.png_colours,
            float_range=self.float_range,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """All that is in a picture file: one picture, the pages of a TIFF file, or an animation.

    Attributes:
        pictures: The pages or frames in their order. They can be gone through once, and each is
            read or made only when it is asked for.
        count: How many there are.
        delays: How long each frame of an animation is shown, in ms; None if it is none.
        plays: How often an animation is shown, 0 for ever.
        alike: Whether all pages have the size and the kind of the first.
    """

    pictures: Iterable[Picture]
    count: int = 1
    delays: tuple[int, ...] | None = None
    plays: int = 0
    alike: bool = True


def pixels_of(image: Any) -> NDArray[Any]:
    """Compute the pixels of an image of libvips, in the shape that `Picture` has."""
    shape = (image.height, image.width, image.bands)
    pixels: NDArray[Any] = image.numpy()  # which leaves out the axes of a single pixel
    return pixels.reshape(shape if image.bands > 1 else shape[:2])

"""XMP packets, corrected for the picture that they now belong to.

Everything else in a packet stays byte for byte.
"""

import re
from collections.abc import Mapping

_INCH = 2
# Properties that announce what follows the picture in its file: gain maps, films, other pictures.
_PREFIXES = rb"hdrgm|HDRGainMap|GContainer|Container|GainMap"
_ATTACHED = rb"(?:%s):\w+|(?:GCamera|Camera):(?:MotionPhoto|MicroVideo)\w*" % _PREFIXES


def upright_xmp(packet: bytes) -> bytes:
    """Return an XMP packet for pixels that have been turned upright.

    >>> upright_xmp(b'<rdf:Description tiff:Orientation="6"/>')
    b'<rdf:Description tiff:Orientation="1"/>'
    """
    return _with_properties(packet, {"tiff:Orientation": "1"})


def corrected_xmp(
    packet: bytes, size: tuple[int, int], dpi: tuple[float, float] | None = None
) -> bytes:
    """Return an XMP packet with another size and resolution where it declares them.

    >>> corrected_xmp(b"<exif:PixelXDimension>40</exif:PixelXDimension>", (80, 60))
    b'<exif:PixelXDimension>80</exif:PixelXDimension>'
    """
    width, height = map(str, size)
    properties = {"tiff:ImageWidth": width, "tiff:ImageLength": height}
    properties |= {"exif:PixelXDimension": width, "exif:PixelYDimension": height}
    if dpi:
        across, down = (f"{round(dots * 1000)}/1000" for dots in dpi)
        properties |= {"tiff:XResolution": across, "tiff:YResolution": down}
        properties |= {"tiff:ResolutionUnit": str(_INCH)}
    return _with_properties(packet, properties)


def without_attachments(packet: bytes) -> bytes:
    """Return an XMP packet that does not announce a gain map, a film or other pictures.

    >>> without_attachments(b'<rdf:Description hdrgm:Version="1.0" a:b="c"/>')
    b'<rdf:Description a:b="c"/>'
    """
    packet = re.sub(
        rb"<(%s)\b[^>]*(?:/>|(?<!/)>.*?</\1\s*>)" % _ATTACHED, b"", packet, flags=re.DOTALL
    )
    attribute = rb"\s+(?:%s|xmlns:(?:%s))\s*=\s*(?:\"[^\"]*\"|'[^']*')" % (_ATTACHED, _PREFIXES)
    return re.sub(attribute, b"", packet)


def _with_properties(packet: bytes, properties: Mapping[str, str]) -> bytes:
    for name, value in properties.items():
        declared = rb"((?<![/\w])%s\s*(?:=\s*[\"']|>))[^\"'<>]*" % name.encode()
        packet = re.sub(declared, rb"\g<1>" + value.encode(), packet)
    return packet

"""One PNG or JPEG file as a square of 8-bit pixels, whatever a camera or a drawing program put in it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.errors import UserError

Fit = Literal["crop", "pad", "squeeze"]
Background = Literal["white", "black"]

KINDS = (".png", ".jpg", ".jpeg")
GREY_MODES = ("1", "L", "LA")

_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH_AT = 24
"""Where a PNG file says how many bits a channel has: in its header chunk, which comes first."""

_ORIENTATION = 0x0112
"""The tag of EXIF that says which way is up; nothing else of EXIF is looked at."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """Pixels (1, S, S) or (3, S, S), uint8, with what was done to make them: which the user is told."""

    pixels: NDArray[np.uint8]
    was_square: bool
    was_transparent: bool


def read(
    file: Path, channels: Literal["auto", "grey", "colour"], size: int, fit: Fit, background: Background
) -> Picture:
    """Return a file as a picture of ``size`` pixels a side; UserError naming the file if it is not an 8-bit image."""
    try:
        with file.open("rb") as stream:
            head = stream.read(_DEPTH_AT + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd EXIF, which is not needed
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                image.load()
                upright = _upright(image)
                is_transparent = _is_transparent(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "it is broken or of another kind"
        raise UserError(f"{file} cannot be read as an image ({reason})") from error
    if head.startswith(_PNG) and head[_DEPTH_AT] > 8:
        raise UserError(f"{file} has {head[_DEPTH_AT]} bits per pixel and channel; save it with 8")
    is_grey = channels == "grey" or (channels == "auto" and upright.mode in GREY_MODES)
    flat = _on_background(upright, background) if is_transparent else upright
    square = _square(flat.convert("L" if is_grey else "RGB"), fit).resize((size, size), Image.Resampling.BICUBIC)
    pixels = np.moveaxis(np.atleast_3d(np.asarray(square, np.uint8)), 2, 0)
    return Picture(pixels, upright.width == upright.height, is_transparent)


def _upright(image: Image.Image) -> Image.Image:
    """Return the image as its camera says that it is seen; one whose EXIF cannot be read is taken as it is stored."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # Pillow parses EXIF with struct and with TIFF code of many errors of its own
        orientation = None
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _is_transparent(image: Image.Image) -> bool:
    """Return whether anything shows through, and not only whether it could."""
    if not image.has_transparency_data:
        return False
    least, _ = image.convert("RGBA").getchannel("A").getextrema()
    return float(least) < 255  # type: ignore[arg-type]


def _on_background(image: Image.Image, background: Background) -> Image.Image:
    """Return the image without transparency: what shows through is the background, as in a viewer."""
    with_alpha = image.convert("RGBA")
    under = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(under, with_alpha)


def _square(image: Image.Image, fit: Fit) -> Image.Image:
    if fit == "squeeze" or image.width == image.height:
        return image
    side = (min if fit == "crop" else max)(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # beyond the image's own pixels, a box is filled with black
    return image.crop((left, top, left + side, top + side))

"""The standard augmentation of photographs: cut out of a black margin, and half of them mirrored (He et al. 2016a)."""

from __future__ import annotations

import torch
from torch import Tensor

#: The margin as a share of the side: 4 of 32 pixels.
MARGIN = 1 / 8


class CropFlip:
    """Images (B, C, S, S) moved by whole pixels, at most an eighth of their side, and mirrored left to right or not."""

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Return two places in [0, 1) and a 0 or 1 for each image: (count, 3)."""
        drawn = torch.rand(count, 3, generator=generator)
        return torch.cat([drawn[:, :2], drawn[:, 2:].round()], 1)

    def apply(self, inputs: Tensor, drawn: Tensor) -> Tensor:
        size = inputs.shape[-1]
        margin = round(size * MARGIN)
        padded = torch.nn.functional.pad(inputs, (margin,) * 4)
        # by whole pixels, so that nothing is resampled
        down, right = (drawn[:, :2] * (2 * margin + 1)).long().unbind(1)
        pixels = torch.arange(size, device=inputs.device)
        columns = torch.where(drawn[:, 2:] == 1, size - 1 - pixels, pixels) + right[:, None]
        rows = pixels + down[:, None]
        return padded.take_along_dim(rows[:, None, :, None], 2).take_along_dim(columns[:, None, None, :], 3)

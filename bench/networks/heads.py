"""What makes answers of maps."""

from __future__ import annotations

from torch import Tensor, nn


class MeanHead(nn.Module):
    """The mean over scalar maps (B, C, H, W) and a linear map of it: (B, K)."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, outputs)
        nn.init.zeros_(self.linear.bias)

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.linear(maps.mean((2, 3)))
        return logits

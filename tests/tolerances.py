"""Every tolerance of the tests, each with its reason."""

from __future__ import annotations

# data sets

# half a grey value is what rounding to uint8 costs; the rest is float64 arithmetic
ROUNDED_TO_GREY_VALUES = 0.5 + 1e-9
# bicubic interpolation of a wave of 28 points errs by less than one grey value, and each side was rounded
BICUBIC_ON_A_SMOOTH_IMAGE = 2
# about 5,600 turned ones of random angles: the standard error of the ratio of width to height is about 0.01
MEAN_OF_TURNED_DIGITS = 0.05

# figures and summaries

# two orders of summing a few float64 numbers, and a logarithm there and back, each rounded to 1e-16 of the largest
FLOAT64_ARITHMETIC = 1e-12


# groups, kernels, networks

# matrices of float64 cosines and sines, composed once
REPRESENTATION = 1e-10
# a kernel basis is stored in float32; its span is compared after orthonormalising some hundred elements
KERNEL_SPAN = 1e-6
# two float32 convolutions with the same kernels may sum in different orders
SAME_KERNELS = 1e-5
# an exact symmetry of the grid, seen through float32: rounding alone (measured to 3.3e-6, in a warped image's features)
EXACT_IN_FLOAT32 = 1e-5
# the same, in the logits of seven layers (measured to 7e-7 over 5,900 networks and symmetries)
EXACT_LOGITS = 3e-6
# the same, in hidden layers: features that a nonlinearity leaves close to zero make a relative error of rounding larger
EXACT_HIDDEN_FEATURES = 5e-5
# of the norm of the third block's features, with the 5 x 5 pixels of a filter as all that is left
LAW_AT_45_DEGREES = 0.1
# one resampling in float32 of values up to 4, there by index and here by sampling points (measured to 1.3e-5)
RESAMPLED_IN_FLOAT32 = 2e-5
# the other side of a border reaches in by 0.27 a pixel, 1e-4 after seven; the rest is float32 (measured to 2.5e-6)
SPLINE_OF_SCIPY = 1e-4

# share of 1,000 draws of several features at dropout 0.25: their standard error is 0.01 at most
DROPPED_SHARE = 0.04

# harmonic networks

# smooth images turned by 45 degrees: what is left is the 5 x 5 grid of the filters (measured: a tenth of a plain net's)
HARMONIC_OVER_PLAIN = 0.25
# magnitudes are kept off zero by sqrt(|z|^2 + 1e-4), which changes one of 5 by 1e-5
KEPT_OFF_ZERO = 1e-4
# bars against crosses under noise, turned: right on all but a few (chance is 0.5)
LEARNT_TWO_SHAPES = 0.9

# equivariant transformers

# 90 degrees permute the samples of the polar grid: float32 coordinates (measured to 2e-5 with the seeds of the test;
# one image of 18,000 with others is off by 2e-3: its pose lies between two equal peaks)
POSE_AT_QUARTERS = 2e-4
# pixels at other angles interpolate otherwise; in radians, on 64 pixels of blobs 13 wide, the median of ten networks
# (0.002 with the seeds of the test; among 1,500 others single networks reach 0.018, the median of ten 0.005)
POSE_AT_GRID_STEPS = 0.006
# share of the amount: the coordinates' windows end, and their samples are pixels of unequal density (measured to 0.22)
POSE_IN_A_WINDOW = 0.35
# share of the maximum: bilinear interpolation of blobs two pixels wide, sampled between pixels
ONE_BILINEAR_RESAMPLING = 0.06

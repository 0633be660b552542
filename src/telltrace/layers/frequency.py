"""Pictures seen by their spectrum: split into bands, or measured window by window."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..pixels import LUMA

LOW, MIDDLE = 2.82, 2.0
"""The image's side over a band's upper bound, for a sixteenth and an eighth of the spectrum."""
WINDOW = 10
"""Side of the window of the local statistics, in pixels."""
FLOOR = 1e-3
"""Added to a band's magnitude before the logarithm, for black borders; 8 bits put in some 0.1."""


def dct_matrix(size: int) -> Tensor:
    """The orthonormal cosine transform (DCT-II) of ``size`` samples as a matrix, float64.

    Row ``i`` is the wave of ``i`` half periods. Ahmed et al., IEEE Transactions on Computers 1974.
    """
    position = torch.arange(size, dtype=torch.float64)
    waves = torch.cos(torch.pi / size * position[:, None] * (position + 0.5))
    waves[0] *= 0.5**0.5
    return waves * (2 / size) ** 0.5


def _full_precision(image: Tensor) -> torch.autocast:
    """Autocast turned off, on the meta device too, which has none."""
    return torch.autocast(image.device.type.replace("meta", "cpu"), enabled=False)


def spectrum(image: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part, (..., H, W // 2 + 1), of the Fourier transform of (..., H, W).

    As ``torch.fft.rfft2``, by matrices of real numbers, which every exported form can compute.
    Autocast to fewer bits is off, and the mean, often the largest part by far, goes another way:
    its rounding would drown faint frequencies.
    """
    height, width = int(image.shape[-2]), int(image.shape[-1])
    with _full_precision(image):
        mean = image.mean((-2, -1), keepdim=True)
        cosine, sine = _waves(width, width // 2 + 1, image)
        real, imaginary = (image - mean) @ cosine, (mean - image) @ sine
        constant = F.pad(mean * (height * width), (0, width // 2, 0, height - 1))
        cosine, sine = _waves(height, height, image)
        return cosine @ real + sine @ imaginary + constant, cosine @ imaginary - sine @ real


def from_spectrum(real: Tensor, imaginary: Tensor, width: int) -> Tensor:
    """The image (..., H, width) of a spectrum (..., H, width // 2 + 1), as ``torch.fft.irfft2``."""
    height, count = int(real.shape[-2]), width // 2 + 1
    with _full_precision(real):
        cosine, sine = _waves(height, height, real)
        rows = cosine @ real - sine @ imaginary, cosine @ imaginary + sine @ real
        twice = torch.full((count, 1), 2.0 / (height * width), dtype=real.dtype, device=real.device)
        twice[0] /= 2  # every frequency but 0 and that of the pixels stands for its mirror too
        if width % 2 == 0:
            twice[-1] /= 2
        cosine, sine = (wave.T * twice for wave in _waves(width, count, real))
        return rows[0] @ cosine - rows[1] @ sine


def _waves(size: int, count: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (size, count) of the first frequencies of so many samples."""
    places = torch.arange(size, device=like.device)
    angle = (torch.outer(places, places[:count]) % size).double() * (2 * torch.pi / size)
    return angle.cos().to(like.dtype), angle.sin().to(like.dtype)


def diagonal_bands(size: int, edges: Sequence[tuple[float, float]], *, closed: bool) -> Tensor:
    """Masks (N, size, size) of the coefficients whose two indices sum to a value between edges.

    If ``closed`` a band holds its lower edge too, so that neighbours share a diagonal; otherwise
    only where the edge is 0.

    Examples:
        >>> diagonal_bands(3, [(0, 1), (1, 4)], closed=False).tolist()[0]
        [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    index = torch.arange(size)
    total = index[:, None] + index
    above = [total >= low if closed or low == 0 else total > low for low, _ in edges]
    below = [total <= high for _, high in edges]
    return (torch.stack(above) & torch.stack(below)).float()


class BandFilters(nn.Module):
    """Masks (N, S, S) that learn: each coefficient's gain may move up to 1 away from its mask.

    Qian et al., ECCV 2020, Eq. 1: ``f_base + sigma(f_w)``, sigma(x) = tanh(x / 2).
    """

    bands: Tensor

    def __init__(self, bands: Tensor) -> None:
        super().__init__()
        self.register_buffer("bands", bands, persistent=False)
        self.weight = nn.Parameter(0.1 * torch.randn(bands.shape))

    def forward(self) -> Tensor:
        """The gains, (N, S, S)."""
        return self.bands + torch.tanh(self.weight / 2)


class FrequencyDecomposition(nn.Module):
    """Frequency-aware decomposition (FAD): an image in low, middle, high and all frequencies.

    The bands hold a sixteenth, another sixteenth, seven eighths and all of the spectrum. With
    ``shared_edges`` neighbours share the diagonal between them, as in public code; those
    frequencies then count twice. (B, C, size, size) to (B, 4 C, size, size), band by band. Qian et
    al., ECCV 2020, section 3.1, Eq. 1, https://arxiv.org/abs/2007.09355.
    """

    dct: Tensor

    def __init__(self, size: int, *, shared_edges: bool = False) -> None:
        super().__init__()
        low, middle, top = size // LOW, size // MIDDLE, 2 * size
        edges = [(0, low), (low, middle), (middle, top), (0, top)]
        self.filters = BandFilters(diagonal_bands(size, edges, closed=shared_edges))
        self.register_buffer("dct", dct_matrix(size).float(), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        spectrum = self.dct @ image @ self.dct.T
        parts = spectrum[:, None] * self.filters()[:, None]
        return (self.dct.T @ parts @ self.dct).flatten(1, 2)


class LocalFrequencyStatistics(nn.Module):
    """Local frequency statistics (LFS): how strong each band is around every second pixel.

    The cosine transform of every window is one convolution, the sum over each band one more.
    (B, 3, H, W) to (B, bands, H // 2, W // 2), log10 of magnitudes. Qian et al., ECCV 2020,
    section 3.2, Eq. 2: ``log10 ||D(p) * (h_base + sigma(h_w))||_1``.
    """

    waves: Tensor

    def __init__(self, bands: int = 6) -> None:
        super().__init__()
        edges = [(2 * WINDOW * i / bands, 2 * WINDOW * (i + 1) / bands) for i in range(bands)]
        self.filters = BandFilters(diagonal_bands(WINDOW, edges, closed=False))
        dct = dct_matrix(WINDOW)
        waves = torch.einsum("ik,jl,c->ijckl", dct, dct, torch.tensor(LUMA, dtype=dct.dtype))
        self.register_buffer("waves", waves.flatten(0, 1).float(), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        spectra = F.conv2d(image, self.waves, stride=2, padding=4)
        gains = self.filters().abs().flatten(1)[:, :, None, None]
        return torch.log10(F.conv2d(spectra.abs(), gains) + FLOOR)

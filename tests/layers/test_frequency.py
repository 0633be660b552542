import numpy as np
import pytest
import scipy.fft
import torch
import torch.nn.functional as F

from telltrace.layers.frequency import (
    FLOOR,
    LUMA,
    BandFilters,
    FrequencyDecomposition,
    LocalFrequencyStatistics,
    dct_matrix,
    diagonal_bands,
    from_spectrum,
    spectrum,
)


@pytest.mark.parametrize("size", [1, 2, 7, 10, 256])
def test_the_cosine_transform_is_scipys(size: int) -> None:
    signals = torch.randn(3, size, dtype=torch.float64)
    ours = signals @ dct_matrix(size).T
    theirs = torch.from_numpy(scipy.fft.dct(signals.numpy(), norm="ortho"))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 8), (8, 7), (64, 64)])
def test_the_fourier_transform_is_torchs(height: int, width: int) -> None:
    image = 5 + torch.randn(2, 3, height, width, dtype=torch.float64, requires_grad=True)
    real, imaginary = spectrum(image)
    torch.testing.assert_close(torch.complex(real, imaginary), torch.fft.rfft2(image))
    parts = torch.randn(2, 3, height, width // 2 + 1, 2, dtype=torch.float64)
    expected = torch.fft.irfft2(torch.view_as_complex(parts), s=(height, width))
    torch.testing.assert_close(from_spectrum(*parts.unbind(-1), width), expected)


@pytest.mark.parametrize("size", [160, 255, 256, 299])
def test_three_bands_share_the_spectrum_as_the_paper_says(size: int) -> None:
    low, middle, high, everything = FrequencyDecomposition(size).filters.bands
    assert torch.equal(low + middle + high, everything)
    assert everything.min() == 1
    shares = torch.stack([low.mean(), middle.mean(), high.mean()])
    torch.testing.assert_close(shares, torch.tensor([1 / 16, 1 / 16, 7 / 8]), rtol=0, atol=0.01)


def test_released_bands_count_a_shared_diagonal_twice() -> None:
    ours, theirs = FrequencyDecomposition(256), FrequencyDecomposition(256, shared_edges=True)
    image = torch.randn(1, 3, 256, 256)
    with torch.no_grad():
        ours.filters.weight.zero_()
        theirs.filters.weight.zero_()
        for layer, twice in ((ours, ()), (theirs, (90, 128))):
            low, middle, high, everything = layer(image).chunk(4, 1)
            torch.testing.assert_close(everything, image, rtol=1e-4, atol=1e-4)
            surplus = scipy.fft.dctn(
                (low + middle + high - image).numpy(), axes=(2, 3), norm="ortho"
            )
            rows, columns = np.nonzero(np.abs(surplus[0]).max(0) > 1e-3)
            assert set(rows + columns) == set(twice)


def test_gains_stay_within_one_of_their_mask() -> None:
    filters = BandFilters(diagonal_bands(4, [(0, 2)], closed=False))
    with torch.no_grad():
        filters.weight.fill_(1e4)
        torch.testing.assert_close(filters(), filters.bands + 1)
        filters.weight.fill_(-1e4)
        torch.testing.assert_close(filters(), filters.bands - 1)
        filters.weight.fill_(0.7)
        published = 2 * torch.sigmoid(filters.weight) - 1
        torch.testing.assert_close(filters(), filters.bands + published)


def test_a_decomposition_has_the_gradient_of_finite_differences() -> None:
    layer = FrequencyDecomposition(6).double()
    image = torch.randn(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)

    def decompose(image: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"filters.weight": weight}, (image,))

    assert torch.autograd.gradcheck(decompose, (image, layer.filters.weight))


@pytest.mark.parametrize("shape", [(32, 32), (31, 44)])
def test_statistics_are_those_of_each_window_by_itself(shape: tuple[int, int]) -> None:
    layer = LocalFrequencyStatistics().double()
    image = torch.randn(2, 3, *shape, dtype=torch.float64)
    with torch.no_grad():
        ours, gains = layer(image), layer.filters().abs().numpy()
    grey = torch.einsum("bchw,c->bhw", image, torch.tensor(LUMA, dtype=torch.float64))
    padded = F.pad(grey, (4, 4, 4, 4)).numpy()
    rows, columns = ((side - 10) // 2 + 5 for side in shape)
    assert ours.shape == (2, 6, rows, columns)
    for i, j in ((0, 0), (3, 5), (rows - 1, columns - 1)):
        window = padded[:, 2 * i : 2 * i + 10, 2 * j : 2 * j + 10]
        spectrum = np.abs(scipy.fft.dctn(window, axes=(1, 2), norm="ortho"))
        theirs = np.log10(np.einsum("bij,nij->bn", spectrum, gains) + FLOOR)
        np.testing.assert_allclose(ours[:, :, i, j].numpy(), theirs, rtol=1e-5)


def test_every_frequency_of_a_window_is_in_one_band() -> None:
    bands = LocalFrequencyStatistics().filters.bands
    assert torch.equal(bands.sum(0), torch.ones(10, 10))


def test_a_black_border_keeps_the_slope_bounded() -> None:
    image = torch.zeros(1, 3, 32, 32, requires_grad=True)
    layer = LocalFrequencyStatistics()
    answer = layer(image)
    torch.testing.assert_close(answer, torch.full_like(answer, -3.0))
    answer.sum().backward()
    steepest = 1 / (FLOOR * np.log(10))
    assert layer.filters.weight.grad is not None
    assert layer.filters.weight.grad.isfinite().all()
    assert image.grad is not None
    assert image.grad.abs().max() <= 25 * 6 * 200 * steepest
    unbounded = torch.zeros(1, requires_grad=True)
    torch.log10(unbounded + 1e-15).backward()  # the public code's
    assert unbounded.grad is not None
    assert unbounded.grad.item() > 1e11 * steepest

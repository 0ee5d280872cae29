"""Sound, against torch.stft and closed forms in numpy."""
import math

import numpy as np
import torch

from framework import Case, case


@case(covers="frames hann hamming", variants=2)
def frames(d):
    size, stride, periodic = d.size(2, 7), d.size(1, 4), d.pick(True, False)
    n = size + d.size(3, 20)
    word = "true" if periodic else "false"

    def f(x):
        return [x.unfold(1, size, stride), torch.hann_window(size, periodic=periodic, dtype=torch.float64),
                torch.hamming_window(size, periodic=periodic, dtype=torch.float64)]

    return Case(f"y = frames(x, {size}, {stride})\nu = hann({size}, {word})\nv = hamming({size}, {word})", f,
                inputs={"x": d.normal(d.size(1, 3), n)}, outputs=("y", "u", "v"))


@case(covers="fourier", variants=2)
def fourier(d):
    size = d.pick(8, 7) if d.stored else d.size(2, 300)

    def f(x):
        y = torch.fft.rfft(x)
        return [y.real, y.imag]

    return Case("re, im = fourier(x)", f, inputs={"x": d.normal(d.size(1, 3), size)}, outputs=("re", "im"), within=2e-5)


def squares(x, size, step, window, center):
    y = torch.stft(x, size, step, window=window(size, dtype=torch.float64), center=center, return_complex=True)
    return (y.real ** 2 + y.imag ** 2).transpose(1, 2)


@case(covers="spectrogram", variants=4)
def spectrogram(d):
    center, power = d.pick(True, False), d.pick(2, 1)
    size, step = d.pick(16, 15), d.size(3, 9)
    window = d.pick("hann", "hamming")
    of = {"hann": torch.hann_window, "hamming": torch.hamming_window}[window]

    def f(x):
        y = squares(x, size, step, of, center)
        return y if power == 2 else y.sqrt()

    return Case(f"y = spectrogram(x, {size}, {step}, {window}, {power}, {'true' if center else 'false'})", f,
                inputs={"x": d.normal(d.size(1, 3), d.size(40, 60))}, within=2e-5)


def filters(bins, bands, rate, low, high):
    mel = lambda f: 2595 * math.log10(1 + f / 700)
    edges = [700 * (10 ** (m / 2595) - 1) for m in np.linspace(mel(low), mel(high), bands + 2)]
    out = np.zeros((bins, bands))
    for k in range(bins):
        f = k * rate / 2 / (bins - 1)
        for band in range(bands):
            a, b, c = edges[band:band + 3]
            out[k, band] = max(0, min((f - a) / (b - a), (c - f) / (c - b)))
    return torch.tensor(out)


@case(covers="mel_filters")
def mel_filters(d):
    bins, bands, rate = d.size(20, 40), d.size(3, 9), 8000
    return Case(f"y = mel_filters({bins}, {bands}, {rate}, 100, 3500) + 0 * x[0]",
                lambda x: filters(bins, bands, rate, 100, 3500) + 0 * x[0], inputs={"x": d.normal(1)}, gradients=False)


@case(covers="cosine_transform", variants=2)
def cosine_transform(d):
    n = d.size(3, 30)
    kept = d.pick(n, max(n - 2, 1))

    def f(x):
        table = [[math.cos(math.pi * (2 * i + 1) * k / (2 * n)) * math.sqrt((2 if k else 1) / n) for k in range(kept)]
                 for i in range(n)]
        return x @ torch.tensor(table).double()

    return Case(f"y = cosine_transform(x, {kept})", f, inputs={"x": d.normal(d.size(1, 3), n)})


@case(covers="mel_spectrogram mfcc")
def mfcc(d):
    size, step, bands, kept, rate = 32, 12, 7, 5, 8000
    table = torch.tensor([[math.cos(math.pi * (2 * i + 1) * k / (2 * bands)) * math.sqrt((2 if k else 1) / bands)
                           for k in range(kept)] for i in range(bands)]).double()

    def f(x):
        y = squares(x, size, step, torch.hann_window, True) @ filters(size // 2 + 1, bands, rate, 0, rate / 2)
        return [y, torch.log(y + 1e-6) @ table]

    return Case(f"y = mel_spectrogram(x, {rate}, {bands}, {size}, {step})\n"
                f"z = mfcc(x, {rate}, {kept}, {bands}, {size}, {step})", f,
                inputs={"x": d.normal(d.size(1, 3), 80)}, outputs=("y", "z"), within=3e-5)

"""Pictures and sounds that Pillow, SciPy and SoX write are read with the numbers that these give.

media_peers_test.py NNC; leaves with 77, "skipped", where Pillow or SciPy is missing. SoX is asked where it is there.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import scipy.io.wavfile
    import scipy.signal
    from PIL import Image
except ImportError as missing:
    print(missing)
    sys.exit(77)

NNC = sys.argv[1]


def outputs(words, name, kind, shape):
    """The column as the command reads it: a model that gives what it takes."""
    extents = ", ".join(str(n) for n in shape)
    with open("same.nn", "w") as file:
        file.write(f"model same {{\n  input {name}: {kind}[batch, {extents}]\n  output y = {name} |> f32\n}}\n")
    subprocess.run([NNC, "same.nn", "--run", words, "-o", "y.safetensors"], check=True, capture_output=True)
    with open("y.safetensors", "rb") as file:
        content = file.read()
    size = int.from_bytes(content[:8], "little")
    entry = json.loads(content[8:8 + size])["y"]
    begin, end = entry["data_offsets"]
    return np.frombuffer(content[8 + size + begin:8 + size + end], "<f4").reshape(entry["shape"])


def expect(what, found, expected, most):
    assert found.shape == expected.shape, f"{what}: {found.shape}, expected {expected.shape}"
    difference = float(np.abs(found.astype(np.float64) - expected).max())
    print(f"{what}: {difference:g}")
    assert difference <= most, f"{what}: differs by {difference}, expected at most {most}"


def picture(what, path, image, most=0):
    """As it is, in gray, and resized to a smaller and a larger form; `image` is gray or RGB."""
    channels = [] if image.mode == "L" else [3]
    expect(what, outputs(path, "image", "u8", [image.height, image.width] + channels)[0], np.asarray(image, np.float64), most)
    gray = image.convert("L")
    expect(what + ", gray", outputs(path + ",gray", "image", "u8", [image.height, image.width])[0], np.asarray(gray, np.float64), most)
    for height, width in ((9, 13), (60, 31), (150, 200)):
        resized = image.resize((width, height), Image.BILINEAR)
        found = outputs(f"{path},size={height}x{width}", "image", "u8", [height, width] + channels)[0]
        expect(f"{what}, {height}x{width}", found, np.asarray(resized, np.float64), most + 1)


def pictures():
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:61, 0:47]
    smooth = np.stack([128 + 100 * np.sin(x / 9 + c) * np.cos(y / (5 + c)) for c in range(4)], -1)
    pixels = np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
    rgb = Image.fromarray(pixels[..., :3])
    white = Image.new("RGBA", rgb.size, "white")
    for name, image in (("gray", rgb.convert("L")), ("RGB", rgb)):
        image.save("a.png")
        picture("PNG " + name, "a.png", image)
        for quality in (30, 75, 95):
            for sampling, progressive in (("4:4:4", False), ("4:2:2", True), ("4:2:0", False)):
                image.save("a.jpg", quality=quality, subsampling=sampling, progressive=progressive)
                picture(f"JPEG {name}, quality {quality}, {sampling}", "a.jpg", Image.open("a.jpg"), 1)
    alpha = Image.fromarray(pixels, "RGBA")
    alpha.save("a.png")
    picture("PNG RGBA", "a.png", Image.alpha_composite(white, alpha).convert("RGB"), 1)
    palette = rgb.convert("P", palette=Image.ADAPTIVE, colors=100)
    palette.save("a.png")
    picture("PNG palette", "a.png", palette.convert("RGB"))
    black = rgb.convert("1")
    black.save("a.png")
    picture("PNG of one bit", "a.png", black.convert("L"))
    deep = (pixels[..., 0].astype(np.uint16) * 250 + 77).astype(np.uint16)
    Image.fromarray(deep).save("a.png")
    picture("PNG of 16 bits", "a.png", Image.fromarray(np.rint(deep / 257).astype(np.uint8)))


def sounds():
    random = np.random.default_rng(2)
    time = np.arange(30000)
    tones = sum(np.sin(2 * np.pi * f * time / 44100 + f) for f in (150, 440, 1200, 2900)) / 5
    stereo = np.stack([tones, tones[::-1] * 0.5], -1) + random.normal(0, 0.001, (30000, 2))
    mean = stereo.mean(1)
    full = {np.int16: 32768, np.int32: 2147483648, np.float32: 1, np.float64: 1}
    for dtype, scale in full.items():
        values = (stereo * scale).astype(dtype)
        scipy.io.wavfile.write("a.wav", 44100, values)
        expected = (values / scale).mean(1)
        expect(f"WAV {np.dtype(dtype)}", outputs("a.wav", "sound", "f32", [30000])[0], expected, 1e-6)
    scipy.io.wavfile.write("a.wav", 44100, (stereo[:, 0] * 127 + 128).astype(np.uint8))
    expect("WAV uint8", outputs("a.wav", "sound", "f32", [30000])[0], ((stereo[:, 0] * 127 + 128).astype(np.uint8) - 128.0) / 128, 1e-6)

    scipy.io.wavfile.write("a.wav", 44100, stereo.astype(np.float32))
    for rate in (8000, 22050, 48000):
        common = np.gcd(rate, 44100)
        filtered = scipy.signal.resample_poly(mean, rate // common, 44100 // common, window=("kaiser", 12.0))
        found = outputs(f"a.wav,rate={rate}", "sound", "f32", [len(filtered)])[0]
        # At the ends both see silence, through other windows; and the noise near the cut-off is cut at another slope.
        edge = 200
        expect(f"44100 to {rate} Hz", found[edge:-edge], filtered[edge:-edge], 1e-3)

    if not shutil.which("sox"):
        return
    for encoding, bits, most in (("mu-law", 8, 1e-6), ("a-law", 8, 1e-6), ("signed-integer", 24, 1e-6)):
        subprocess.run(["sox", "-D", "a.wav", "-e", encoding, "-b", str(bits), "b.wav", "remix", "1"], check=True)
        subprocess.run(["sox", "-D", "b.wav", "-e", "floating-point", "-b", "32", "c.wav"], check=True)
        _, decoded = scipy.io.wavfile.read("c.wav")
        expect(f"WAV {encoding}, {bits} bits", outputs("b.wav", "sound", "f32", [30000])[0], decoded, most)
    for bits in (16, 24):
        subprocess.run(["sox", "-D", "a.wav", "-b", str(bits), "a.flac"], check=True)
        subprocess.run(["sox", "-D", "a.flac", "-e", "floating-point", "-b", "32", "c.wav"], check=True)
        _, decoded = scipy.io.wavfile.read("c.wav")
        expect(f"FLAC, {bits} bits", outputs("a.flac", "sound", "f32", [30000])[0], decoded.mean(1, dtype=np.float64), 1e-6)
    # What comes through a pipe does not know its length.
    piped = subprocess.run(["sox", "-D", "a.wav", "-e", "signed-integer", "-b", "16", "-t", "wav", "-"], check=True, capture_output=True).stdout
    with open("piped.wav", "wb") as file:
        file.write(piped)
    expect("WAV of a pipe", outputs("piped.wav", "sound", "f32", [30000])[0], mean, 1e-4)
    subprocess.run(["sox", "-D", "a.wav", "-r", "8000", "-e", "floating-point", "-b", "32", "c.wav", "remix", "-", "rate", "-v"], check=True)
    _, theirs = scipy.io.wavfile.read("c.wav")
    found = outputs("a.wav,rate=8000", "sound", "f32", [5443])[0]
    expect("44100 to 8000 Hz, SoX", found[100:5300], theirs[100:5300].astype(np.float64), 1e-3)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.environ["XDG_CACHE_HOME"] = folder
    pictures()
    sounds()

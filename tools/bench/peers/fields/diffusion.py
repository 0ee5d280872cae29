"""examples/diffusion.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH = "fashion", 64


def normed(w, path, x):
    return F.silu(F.group_norm(x, 4, w[f"{path}.scale"], w[f"{path}.shift"]))


def block(w, path, x, time):
    h = conv(w, f"{path}.conv2d", normed(w, f"{path}.group_norm", x)) + dense(w, f"{path}.dense", time)[..., None, None]
    h = conv(w, f"{path}.conv2d_2", normed(w, f"{path}.group_norm_2", h))
    return h + (conv(w, f"{path}.conv2d_3", x) if f"{path}.conv2d_3.weight" in w else x)


def unet(w, x, t):
    waves = t[:, None] * torch.exp(torch.arange(16, dtype=t.dtype) * (math.log(200) / 15))
    time = F.silu(dense(w, "unet.dense", torch.cat([waves.sin(), waves.cos()], 1)))
    fine = block(w, "unet.block", conv(w, "unet.conv2d", F.pixel_unshuffle(x, 2)), time)
    h = conv(w, "unet.conv2d_2", F.pad(fine, [0, 1, 0, 1]), 2, 0)  # "same": what is left over is behind
    h = block(w, "unet.block_3", block(w, "unet.block_2", h, time), time)
    h = block(w, "unet.block_4", torch.cat([fine, F.interpolate(h, scale_factor=2)], 1), time)
    return F.pixel_shuffle(conv(w, "unet.conv2d_3", normed(w, "unet.group_norm", h)), 2)


class Net:
    def __init__(self, w):
        self.w, self.optimizer = w, Optimizer(below(w, "unet."), cosine(2e-3, warmup=200), clip=1.0)

    def step(self, data, draw, steps):
        x = data["image"] / 127.5 - 1
        t, noise = draw.uniform("uniform", len(x)), draw.normal("normal", *x.shape)
        a, s = (f(t * (math.pi / 2))[:, None, None, None] for f in (torch.cos, torch.sin))
        loss = ((unet(self.w, a * x + s * noise, t) - (a * noise - s * x)) ** 2).mean()
        self.optimizer.update(loss, steps)
        return {"loss": loss}


run(__name__)

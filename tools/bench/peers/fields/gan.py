"""examples/gan.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH = "fashion", 64


def generator(w, z):
    def normed(path, x):
        return F.relu(F.batch_norm(x, None, None, w[f"{path}.scale"], w[f"{path}.shift"], training=True))

    h = normed("generator.batch_norm", (z @ w["generator.dense.weight"]).view(len(z), 48, 7, 7))
    h = normed("generator.batch_norm_2", F.conv_transpose2d(h, w["generator.conv_transpose.weight"], None, 2, 1))
    last = "generator.conv_transpose_2"
    return torch.sigmoid(F.conv_transpose2d(h, w[f"{last}.weight"], w[f"{last}.bias"], 2, 1))


def critic(w, x, label):
    h = F.leaky_relu(conv(w, "critic.conv2d", x, 2, 1), 0.2)
    h = F.leaky_relu(conv(w, "critic.conv2d_2", h, 2, 1), 0.2)
    h = F.leaky_relu(dense(w, "critic.dense", h.flatten(1)), 0.2)
    return dense(w, "critic.dense_2", h)[:, 0] + (h * w["critic.embedding.table"][label]).sum(1)


class Net:
    def __init__(self, w):
        self.w, self.made = w, 0
        self.critic = Optimizer(below(w, "critic."), 5e-4, betas=(0.5, 0.999))
        trained = {name: value for name, value in w.items() if "running_" not in name}
        self.generator = Optimizer(below(trained, "generator."), 5e-4, betas=(0.5, 0.999))

    def step(self, data, draw, steps):
        real, label = data["image"] / 255, data["label"]
        noise = draw.normal("normal", len(real), 64)
        fake = generator(self.w, torch.cat([noise, F.one_hot(label, 10).to(noise.dtype)], 1))
        no = critic(self.w, fake, label)
        critic_loss = F.softplus(-critic(self.w, real, label)).mean() + F.softplus(no).mean()
        generator_loss = F.softplus(-no).mean()
        if self.made % 2 == 0:
            self.critic.update(critic_loss, steps)
        else:
            self.generator.update(generator_loss, steps)
        self.made += 1
        return {"critic_loss": critic_loss, "generator_loss": generator_loss}


run(__name__)

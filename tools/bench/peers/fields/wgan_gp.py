"""examples/wgan_gp.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH, PENALTY = "mnist", 64, 10.0


def generator(w, z):
    h = F.relu(dense(w, "generator.dense_2", F.relu(dense(w, "generator.dense", z))))
    return torch.sigmoid(dense(w, "generator.dense_3", h))


def critic(w, x):
    h = F.leaky_relu(dense(w, "critic.dense", x), 0.2)
    return dense(w, "critic.dense_3", F.leaky_relu(dense(w, "critic.dense_2", h), 0.2))[:, 0]


class Net:
    def __init__(self, w):
        self.w, self.made = w, 0
        self.critic = Optimizer(below(w, "critic."), 5e-4, betas=(0.0, 0.9))
        self.generator = Optimizer(below(w, "generator."), 5e-4, betas=(0.0, 0.9))

    def step(self, data, draw, steps):
        real = data["image"].flatten(1) / 255
        fake = generator(self.w, draw.normal("normal", len(real), 64))
        share = draw.uniform("uniform", len(real), 1)
        between = (share * real + (1 - share) * fake.detach()).requires_grad_()
        slope = torch.autograd.grad(critic(self.w, between).sum(), between, create_graph=True)[0].norm(dim=1)
        no = critic(self.w, fake)
        apart = critic(self.w, real).mean() - no.mean()
        critic_loss, generator_loss = PENALTY * ((slope - 1) ** 2).mean() - apart, -no.mean()
        if self.made % 4 < 3:
            self.critic.update(critic_loss, steps)
        else:
            self.generator.update(generator_loss, steps)
        self.made += 1
        return {"critic_loss": critic_loss, "generator_loss": generator_loss, "apart": apart, "slope": slope.mean()}


run(__name__)

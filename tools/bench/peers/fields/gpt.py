"""examples/gpt.nn in PyTorch; see peer.py.

    gpt.py losses WEIGHTS.safetensors TEXT --steps 200     one line of JSON for each step: losses in f32, in f64
    gpt.py train WEIGHTS.safetensors TEXT --seed S         bits per character of the end of the text, and seconds, as JSON

The batches of `losses` are the windows of the text in its order, as of nnc with --set order=file.
"""

import collections

from peer import *

BATCH, TIME, BLOCKS, HEADS, TEST = 32, 64, 3, 4, 0.05


def numbers_of(path):
    """The characters as nnc numbers them: behind <pad> and <unk> by frequency, then by their bytes."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    order = sorted(collections.Counter(text).items(), key=lambda one: (-one[1], one[0].encode()))
    place = {character: 2 + i for i, (character, _) in enumerate(order)}
    return numpy.array([place[character] for character in text], numpy.int64)


def windows(numbers):
    count = len(numbers) // (TIME + 1)
    return torch.from_numpy(numbers[: count * (TIME + 1)].reshape(count, TIME + 1))


def turned(x):
    """rotary: pairs are the elements i and i + width / 2."""
    time, half = x.shape[-2], x.shape[-1] // 2
    angle = torch.arange(time, dtype=x.dtype)[:, None] * torch.exp(torch.arange(half, dtype=x.dtype) * (-math.log(10000) / half))
    c, s = angle.cos(), angle.sin()
    a, b = x.chunk(2, -1)
    return torch.cat([a * c - b * s, b * c + a * s], -1)


def normed(w, path, x):
    return F.layer_norm(x, x.shape[-1:], w[f"{path}.scale"], w[f"{path}.shift"])


def block(w, path, x):
    b, time, width = x.shape
    h = normed(w, f"{path}.layer_norm", x)
    apart = lambda name: dense(w, f"{path}.multi_head_attention.{name}", h).reshape(b, time, HEADS, -1).transpose(1, 2)
    q, k, v = turned(apart("query")), turned(apart("key")), apart("value")
    scores = q @ k.transpose(-1, -2) / math.sqrt(width // HEADS)
    scores = scores.masked_fill(torch.ones(time, time).tril() == 0, -math.inf)
    h = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, time, width)
    x = x + dense(w, f"{path}.multi_head_attention.out", h)
    h = F.gelu(dense(w, f"{path}.feed_forward.dense", normed(w, f"{path}.layer_norm_2", x)))
    return x + dense(w, f"{path}.feed_forward.dense_2", h)


class Net:
    def __init__(self, w):
        self.w = w
        self.optimizer = Optimizer(below(w, "gpt.net."), cosine(3e-3, warmup=100), clip=1.0)

    def loss(self, text):
        x = self.w["gpt.net.embedding.table"][text[:, :-1]]
        for i in range(BLOCKS):
            x = block(self.w, f"gpt.net.block{i}", x)
        logits = dense(self.w, "gpt.net.dense", normed(self.w, "gpt.net.layer_norm", x))
        return F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())

    def step(self, text, steps):
        loss = self.loss(text)
        self.optimizer.update(loss, steps)
        return loss.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=["losses", "train"])
    parser.add_argument("weights", help="a checkpoint of nnc: the weights to begin with")
    parser.add_argument("text")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    numbers = numbers_of(arguments.text)
    cut = len(numbers) - round(TEST * len(numbers))
    train, test = windows(numbers[:cut]), windows(numbers[cut:])
    epoch = -(-len(train) // BATCH)
    steps = arguments.steps or epoch
    start = safetensors(arguments.weights)
    if arguments.job == "losses":
        nets = [Net(parameters(start, dtype)) for dtype in (torch.float32, torch.float64)]
        for step in range(steps):
            first = step % epoch * BATCH
            f32, f64 = (net.step(train[first : first + BATCH], steps) for net in nets)
            print(json.dumps({"f32": {"loss": f32}, "f64": {"loss": f64}}), flush=True)
        return
    torch.manual_seed(arguments.seed)
    net, begin, order = Net(parameters(start, torch.float32)), time.time(), torch.randperm(len(train))
    for step in range(steps):
        first = step % epoch * BATCH
        net.step(train[order[first : first + BATCH]], steps)
    seconds = time.time() - begin
    with torch.no_grad():
        sums = sum(net.loss(part).item() * len(part) for part in test.split(BATCH))
    print(json.dumps({"seconds": seconds, "bits": sums / len(test) / math.log(2)}))


if __name__ == "__main__":
    main()

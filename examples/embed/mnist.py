"""Trains a network on arrays of numpy and asks it, as a host that has its data in memory does.

    NNC_LIBRARY=build/release/libnnc.so.1 python3 examples/embed/mnist.py
"""
import sys

import numpy as np

import nnc

MODEL = """
model mlp(hidden = 64) {
  input  image: u8[batch, 28, 28]
  target label: i32[batch]
  logits = f32(image) / 255 |> flatten |> dense(hidden) |> relu |> dense(10)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
train mlp { minimize loss with adam(lr = 1e-3); batch = 32; epochs = 3 }
"""


def main():
    digits = nnc.Data.open("mnist")
    train = {name: np.array(column) for name, column in digits.train.items()}  # the host's own arrays
    test = {name: np.array(column) for name, column in digits.test.items()}
    print(f"nnc {nnc.version()}: image {train['image'].shape} {train['image'].dtype}, label {train['label'].dtype}")

    session = nnc.Session(nnc.Program(MODEL, set={"hidden": 128}))
    session.train(nnc.Data.from_columns(train, test), epochs=3, on_epoch=lambda reached: print(
        f"epoch {reached.epoch}", *(f"{name} {value:.4f}" for name, value in reached.values.items())))

    # 100 more steps, one at a time: the arrays are checked once, and each call takes what they hold then.
    image, label = np.empty((32, 28, 28), np.uint8), np.empty(32, np.int32)
    step = session.bind_step({"image": image, "label": label})
    random = np.random.default_rng(1)
    for _ in range(100):
        rows = random.choice(len(train["label"]), 32, replace=False)
        np.take(train["image"], rows, axis=0, out=image)
        np.take(train["label"], rows, axis=0, out=label)
        reports = step()
    print(f"step {session.steps} loss {reports['loss']:.4f}")

    probs = session.run({"image": test["image"]})["probs"]  # float32 (examples, 10)
    correct = float(np.mean(probs.argmax(axis=1) == test["label"]))
    print(f"{100 * correct:.1f} % of {len(probs)} test digits are read right")

    # The same training on the set as the library has it gives the same bits.
    def digest(data):
        trained = nnc.Session(nnc.Program(MODEL, data=data))
        trained.train(data, steps=20)
        return trained.digest()
    same = digest(digits) == digest(nnc.Data.from_columns(train, test))
    print("weights of arrays and files are", "equal" if same else "NOT equal")
    return 0 if correct > 0.85 and same else "it has not learned the digits"


if __name__ == "__main__":
    sys.exit(main())

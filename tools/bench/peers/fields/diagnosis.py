"""examples/diagnosis.nn in PyTorch, ten folds, drawn by PyTorch. Its folds are others than nnc's, so it says how far the figure goes
from draw to draw.

    diagnosis.py train --data FOLDER [--draws 3] [--threads 2]      FOLDER: where tools/fetch-data put the tables
"""

import argparse
import json
import math
import pathlib
import time

import numpy
import torch
from torch import nn

WHAT = {  # name: (width, what is dropped, learning rate, decay, batch, epochs)
    "cancer": (32, 0.2, 5e-3, 0.01, 32, 40),
    "wine": (32, 0.2, 5e-3, 0.01, 16, 60),
    "diabetes": (16, 0.1, 3e-3, 0.05, 32, 40),
}


def table(folder, name):
    if name == "diabetes":
        return (numpy.loadtxt(folder / "diabetes_data_raw.csv.gz"), numpy.loadtxt(folder / "diabetes_target.csv.gz"))
    file = {"cancer": "breast_cancer.csv", "wine": "wine_data.csv"}[name]
    rows = numpy.loadtxt(folder / file, delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1]


def scale(train):
    std = train.std(0)
    return train.mean(0), numpy.where(std == 0, 1, std)


def one_fold(name, x, y, train, test):
    width, drop, rate, decay, batch, epochs = WHAT[name]
    mean, std = scale(x[train])
    x = torch.tensor((x - mean) / std, dtype=torch.float32)
    is_number = name == "diabetes"
    low, wide = scale(y[train]) if is_number else (0.0, 1.0)
    target = torch.tensor((y - low) / wide, dtype=torch.float32) if is_number else torch.tensor(y, dtype=torch.int64)
    outputs = 1 if is_number else int(target.max()) + 1
    net = nn.Sequential(nn.Linear(x.shape[1], width), nn.ReLU(), nn.Dropout(drop), nn.Linear(width, outputs))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    steps = epochs * math.ceil(len(train) / batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    train = torch.tensor(train)
    for _ in range(epochs):
        order = train[torch.randperm(len(train))]
        for rows in order.split(batch):
            out = net(x[rows])
            loss = nn.functional.mse_loss(out[:, 0], target[rows]) if is_number else nn.functional.cross_entropy(out, target[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        out, wanted = net(x[test]), target[test]
        if is_number:
            return math.sqrt(float(((out[:, 0] - wanted) ** 2).mean())) * float(wide)
        return float((out.argmax(1) == wanted).float().mean())


def folds(name, folder, seed):
    torch.manual_seed(seed)
    x, y = table(folder, name)
    order = torch.randperm(len(x)).numpy()
    parts = numpy.array_split(order, 10)
    return float(numpy.mean([one_fold(name, x, y, numpy.concatenate(parts[:k] + parts[k + 1:]), parts[k]) for k in range(10)]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=["train"])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in WHAT:
        begin = time.time()
        found = [folds(name, arguments.data, seed) for seed in range(arguments.draws)]
        print(json.dumps({"name": name, "figures": found, "seconds": (time.time() - begin) / arguments.draws}))


if __name__ == "__main__":
    main()

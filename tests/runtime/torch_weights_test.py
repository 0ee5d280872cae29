"""A network of PyTorch, and the same one in nnc with its weights: the outputs are equal.

torch_weights_test.py NNC; leaves with 77, "skipped", where there is no torch. The file of weights is written here, byte
by byte, as the package safetensors of PyTorch's users lays it out.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
except ImportError:
    print("no torch here")
    sys.exit(77)

DTYPES = {"float32": "F32", "float16": "F16", "int64": "I64"}
MODEL = """
model net {
  input x: f32[batch, 3, 8, 8]
  h = x |> conv2d(6, 3, padding = "same") @conv |> batch_norm() @norm |> relu |> flatten
  output y = h |> dense(16) @dense_1 |> tanh |> dense(5) @dense_2
}
"""
RULES = ["fc*.weight=dense_*.weight^T", "fc*=dense_*", "norm.weight=norm.scale", "norm.bias=norm.shift",
         "*.num_batches_tracked="]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 6, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(6, eps=1e-5)
        self.fc1 = torch.nn.Linear(6 * 64, 16)
        self.fc2 = torch.nn.Linear(16, 5)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv(x))).flatten(1)
        return self.fc2(torch.tanh(self.fc1(h)))


def safetensors(tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        array = tensor.numpy()
        end = len(data) + array.nbytes
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def idx(array):
    head = struct.pack(">BBBB", 0, 0, 0x0D, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(">f4").tobytes()


def main(nnc):
    torch.manual_seed(1)
    net = Net()
    for _ in range(20):  # running means that are not 0 and 1
        net(torch.randn(16, 3, 8, 8) * 2 + 1)
    net.eval()
    for half in (False, True):
        if half:  # numbers that f16 has, so that the file may hold them so
            with torch.no_grad():
                for tensor in [*net.parameters(), net.norm.running_mean, net.norm.running_var]:
                    tensor.copy_(tensor.half().float())
        state = net.state_dict()
        if half:
            state = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
        x = torch.randn(7, 3, 8, 8)
        with torch.no_grad():
            expected = net(x).numpy()
        with tempfile.TemporaryDirectory() as folder:
            def write(name, content):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(content)
            write("net.nn", MODEL.encode())
            write("torch.safetensors", safetensors(state))
            write("x.idx", idx(x.numpy()))
            command = [nnc, "net.nn", "--load", "torch.safetensors", "--run", "x=x.idx"]
            for rule in RULES:
                command += ["--rename", rule]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        got = np.array([json.loads(line)["y"] for line in ran.stdout.splitlines()])
        worst = np.abs(got - expected).max()
        print(f"{'f16' if half else 'f32'} file: largest difference {worst:.2e} among outputs up to "
              f"{np.abs(expected).max():.2f}")
        assert got.shape == expected.shape and worst < 2e-6, worst


main(sys.argv[1])

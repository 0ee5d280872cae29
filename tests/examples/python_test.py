"""examples/embed/nnc.py against the shared library: the demonstration, callbacks that raise, memory that is shared.

    tests/examples/python_test.py LIBRARY      ("": there is none)

Ends with 77, which ctest takes for "skipped", where numpy or the shared library is missing.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EMBED = os.path.join(ROOT, "examples", "embed")
SYSTEM = "/usr/bin/python3"  # Debian's, for which there is python3-numpy


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def with_numpy():
    """This interpreter, or Debian's: one that has numpy."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        if os.path.realpath(sys.executable) != os.path.realpath(SYSTEM) and os.path.exists(SYSTEM):
            os.execv(SYSTEM, [SYSTEM, *sys.argv])
        skip("no numpy (Debian: python3-numpy)")


library = sys.argv[1] if len(sys.argv) > 1 else ""
if not os.path.exists(library):
    skip("no shared library of nnc in this build")
with_numpy()
os.environ["NNC_LIBRARY"] = library
sys.path.insert(0, EMBED)
sys.dont_write_bytecode = True

import gc
import tempfile
import threading
import weakref

import nnc
import numpy as np

TINY = """model tiny {
  input  x: f32[batch, 3]
  target label: i32[batch]
  logits = dense(x, 2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
train tiny { minimize loss with sgd(lr = 0.5); batch = 4; epochs = 3 }
"""
random = np.random.default_rng(1)
X = random.standard_normal((40, 3)).astype(np.float32)
LABEL = (X[:, 0] > X[:, 1]).astype(np.int32)
COLUMNS = {"x": X, "label": LABEL}


def raises(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def new_session(**options):
    return nnc.Session(nnc.Program(TINY), **options)


def test_failures():
    failure = raises(nnc.Failure, lambda: nnc.Program("model m {\n  output y = bogus\n}", "net.nn"))
    assert failure.code == "type" and "bogus" in str(failure), failure
    assert (failure.problems[0].file, failure.problems[0].line) == ("net.nn", 2)
    assert raises(nnc.Failure, lambda: nnc.Data.open("no_such_set"))
    assert raises(nnc.Failure, lambda: new_session().step({"x": X})).code == "argument"
    assert "complex64" in str(raises(TypeError, lambda: new_session().run({"x": X.astype(np.complex64)})))
    strided = np.empty((10, 6), np.float32)[:, ::2]
    raises(ValueError, lambda: new_session().bind_step({"x": strided, "label": LABEL[:10]}))


def test_description():
    program = nnc.Program(TINY, set={"sgd.lr": 0.25}, batch=8)
    assert [t.name for t in program.inputs] == ["x", "label"] and program.inputs[1].is_target
    assert program.outputs[0].shape == (-1, 2) and program.outputs[0].type == "f32[batch,2]"
    assert [t.name for t in program.parameters] == ["dense.weight", "dense.bias"] or len(program.parameters) == 2
    assert program.scalars == {"sgd.lr": 0.25} and program.batch == 8 and program.reports == ["loss", "accuracy"]
    assert program.can_train and program.can_run and program.constants == [] and program.warnings == []
    assert "func @run" in program.text() and program.emit("object")[:4] == b"\x7fELF"
    object, header = program.emit_object(prefix="mine")
    assert object[:4] == b"\x7fELF" and "mine_" in header, header
    assert "func @" in nnc.Program.dump(TINY, "elaborate") and "fuse" in nnc.Program.stages()
    heard = []
    nnc.Session(nnc.Program(TINY, on_time=lambda *all: heard.append(all)), uses=["run", "train"])
    assert any(name.startswith("code of") for name, *rest in heard), heard


def test_no_copy_and_release():
    x = X.copy()
    gone = weakref.ref(x)
    data = nnc.Data.from_columns({"x": x, "label": LABEL})
    assert data.train["x"].ctypes.data == x.ctypes.data and not data.train["x"].flags.writeable
    assert data.train_examples == 40 and data.test_examples == 0 and data.test == {}
    session = new_session()
    session.train(data)
    del x
    gc.collect()
    assert gone() is not None
    del data, session
    gc.collect()
    assert gone() is None and not nnc._kept
    raises(nnc.Failure, lambda: nnc.Data.from_columns({"x": X, "label": LABEL[:7]}))
    raises(TypeError, lambda: nnc.Data.from_columns({"x": X, "label": LABEL.astype(np.complex64)}))
    assert not nnc._kept


def test_training_and_callbacks():
    data = nnc.Data.from_columns(COLUMNS, COLUMNS)
    session, milestones, slices = new_session(), [], []
    trained = session.train(data, validation=data, on_epoch=milestones.append,
                            on_slice=lambda progress: slices.append(progress.step))
    assert trained.step == 30 and trained.epoch == 3 and not trained.stopped and trained.save_error == ""
    assert [m.epoch for m in milestones] == [1, 2, 3] and set(milestones[0].validation) == {"loss", "accuracy"}
    assert set(milestones[0].rates) == {"sgd.lr"} and milestones[0].seconds_of_epoch <= milestones[0].seconds
    assert milestones[-1].values["loss"] < milestones[0].values["loss"] and slices[-1] == 30
    assert session.evaluate(data)["accuracy"] > 0.8 and session.evaluate(data, "all").examples == 40
    assert new_session().train(data, on_slice=lambda progress: False).stopped

    def broken(milestone):
        raise KeyError("mine")
    assert raises(KeyError, lambda: new_session().train(data, on_epoch=broken)).args == ("mine",)
    def stage(name, changed, text):
        raise KeyboardInterrupt
    raises(KeyboardInterrupt, lambda: nnc.Program(TINY, on_stage=stage))
    raises(ZeroDivisionError, lambda: nnc.Program(TINY, on_time=lambda name, milliseconds, nodes: 1 / 0))
    raises(TypeError, lambda: new_session().train(data, epohcs=3))


def test_stream():
    def batches(epoch, batch, buffers):
        first, rows = batch * len(buffers["x"]), len(buffers["x"])
        part = X[first:first + rows]
        buffers["x"][:len(part)], buffers["label"][:len(part)] = part, LABEL[first:first + rows]
        return len(part)
    fields = {"x": (np.float32, (3,)), "label": ("i32", ())}
    expected = new_session()
    expected.train(nnc.Data.from_columns(COLUMNS), shuffle=False)
    for own_thread in True, False:
        session = new_session()
        session.train(nnc.Data.from_batches(fields, batches, examples=40, own_thread=own_thread))
        assert session.digest() == expected.digest()
    def broken(epoch, batch, buffers):
        raise OSError("the disk is gone")
    for own_thread in True, False:
        data = nnc.Data.from_batches(fields, broken, own_thread=own_thread)
        assert "gone" in str(raises(OSError, lambda: new_session().train(data)))
    del data
    gc.collect()
    assert not nnc._kept


def test_buffers():
    session, other = new_session(), new_session()
    x, label = X[:8].copy(), LABEL[:8].copy()
    step = session.bind_step({"x": x, "label": label})
    probs = np.zeros((8, 2), np.float32)
    run = session.bind_run({"x": x}, {"probs": probs})
    for i in range(4):
        x[:], label[:] = X[8 * i:8 * i + 8], LABEL[8 * i:8 * i + 8]
        assert step() == other.step({"x": x, "label": label})
    assert run() is None
    found = other.run({"x": x})["probs"]
    assert np.array_equal(found, probs) and found.shape == (8, 2)
    into = np.zeros_like(probs)
    other.run({"x": x}, into={"probs": into})
    assert np.array_equal(into, probs)
    assert other.evaluate({"x": x, "label": label}).examples == 8 and session.steps == 4
    gc.collect()
    assert np.isfinite(found).all()  # its memory lives as long as the array
    data = nnc.Data.from_columns(COLUMNS)
    assert other.run(data, "all", limit=5)["probs"].shape == (5, 2)


def test_bound_arrays():
    session = new_session()
    image, probs = X[:8].copy(), np.zeros((8, 2), np.float32)
    image.flags.writeable = False  # it is read alone
    expected = session.run({"x": image})["probs"]
    inputs, into = {"x": image}, {"probs": probs}
    run, kept = session.bind_run(inputs, into), weakref.ref(image)
    inputs.clear(), into.clear()  # the caller's dicts are his own
    del image
    gc.collect()
    assert kept() is not None
    run()
    assert np.array_equal(probs, expected)
    probs.flags.writeable = False
    raises(ValueError, lambda: session.bind_run({"x": X[:8]}, {"probs": probs}))


def test_parameters_and_checkpoints():
    session = new_session(seed=3)
    assert "(3, 2)" in str(raises(ValueError, lambda: session.set_parameter("dense.weight", np.ones((2, 3), "f4"))))
    weight = session.parameter("dense.weight")
    weight[:] = 1
    session.changed("dense.weight")
    session.set_parameter("dense.bias", np.array([0.5, 0], np.float32))
    assert session.parameter("dense.bias")[0] == 0.5
    assert abs(session.run({"x": X})["probs"][0, 0] - 1 / (1 + np.exp(-0.5))) < 1e-6
    session.set_scalar("sgd.lr", 0.125)
    assert session.scalar("sgd.lr") == 0.125
    session.step({"x": X, "label": LABEL})
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "w.safetensors")
        session.save(path)
        assert open(path, "rb").read() == session.checkpoint()
        restored = lambda s: s.restore(bytearray(session.checkpoint()))
        for back in lambda s: s.load(path), lambda s: s.resume(path), restored:
            other = new_session()
            back(other)
            assert other.digest() == session.digest()
        head = nnc.Session(nnc.Program("model m { input x: f32[batch, 3]; output y = dense(x, 2) @head }"))
        assert "dense.*=head.*" not in str(raises(nnc.Failure, lambda: head.load(path, ["dens.*=head.*"])))
        head.load(path, rename=["dense.*=head.*"])
        assert head.digest() != session.digest()
        assert (head.parameter("head.weight") == session.parameter("dense.weight")).all()
    shared = session.sharing_weights(threads=1)
    assert shared.digest() == session.digest()
    assert raises(nnc.Failure, lambda: shared.step({"x": X, "label": LABEL})).code == "argument"
    view = session.parameter("dense.weight")
    del session, other
    gc.collect()
    assert np.isfinite(view).all()  # the array keeps the session


def test_explain_bad():
    program = nnc.Program(TINY.replace("cross_entropy(logits, label)", "mean(log(relu(x))) + 0 * mean(logits)"))
    session = nnc.Session(program)
    assert "stopped being finite" in str(raises(nnc.Failure, session.explain_bad))
    for keeps in False, True:
        session = nnc.Session(program)
        trained = session.train(nnc.Data.from_columns(COLUMNS), explain_bad=keeps)
        bad = session.explain_bad()
        assert (bad.step, bad.cause, bad.name, bad.value) == (trained.bad_step, "operation", "log", -np.inf)
        assert len(bad.index) == 2 and X[bad.example, bad.index[1]] <= 0
        assert str(bad) == bad.text and "log gives -inf" in bad.text


def test_cancel():
    session, data = new_session(), nnc.Data.from_columns(COLUMNS)
    timer = threading.Timer(0.1, session.cancel)
    timer.start()
    assert session.train(data, epochs=100_000_000).stopped
    timer.join()


COUNTS = """model counts {
  input  x: f32[batch, 3]
  target label: i32[batch]
  logits = dense(x, 2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
  metric confusion rows ["no", "yes"] = confusion_matrix(logits, label)
  metric recalls = recall(confusion_matrix(logits, label))
  metric examples = total(f32(batch))
}
train counts { minimize loss with sgd(lr = 0.5); batch = 4; epochs = 3; validation = 10 }
"""


def test_own_data():
    with tempfile.TemporaryDirectory() as folder:
        table, less = os.path.join(folder, "a.csv"), os.path.join(folder, "b.csv")
        with open(table, "w") as file:
            file.write("x,kind\n1.5,cat\n2,dog\n3,cat\n")
        with open(less, "w") as file:
            file.write("x,kind\n1.5,dog\n")
        data = nnc.Data.open(table + ",target=kind")
        assert data.names_of("kind") == ["cat", "dog"] and data.names_of("features") == []
        assert data.properties["classes"] == 2 and data.train["features"].tolist() == [[1.5], [2], [3]]
        assert nnc.Data.open(less + ",target=kind", like=data).train["kind"].tolist() == [1]
        text = TINY.replace("3]", "1]").replace("x:", "features:").replace("(x,", "(features,").replace("label", "kind")
        session = nnc.Session(nnc.Program(text.replace("batch = 4", "batch = 1"), data=data))
        session.train(data)
        file = os.path.join(folder, "w.safetensors")
        session.save(file)
        assert nnc.Data.open(less + ",target=kind", checkpoint=file).names_of("kind") == ["cat", "dog"]
        assert nnc.Data.open(less + ",target=kind", checkpoint=file, new_classes=True).names_of("kind") == ["dog"]
        np.save(os.path.join(folder, "x.npy"), np.asfortranarray(np.arange(6.0).reshape(2, 3)))
        assert nnc.Data.open(os.path.join(folder, "x.npy")).train["x"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_tables():
    data, session, milestones = nnc.Data.from_columns(COLUMNS, COLUMNS), nnc.Session(nnc.Program(COUNTS)), []
    session.train(data, on_epoch=milestones.append)
    table, checked = milestones[0].tables["confusion"], milestones[0].validation_tables["confusion"]
    assert table.shape == (2, 2) and table.rows == ["no", "yes"] and table.sum() == 30 and checked.sum() == 10
    reports = session.evaluate(data)
    assert set(reports.tables) == {"confusion", "recalls"} and reports.tables["recalls"].rows is None
    expected = np.zeros((2, 2))
    np.add.at(expected, (LABEL, session.run(data)["probs"].argmax(1)), 1)
    assert (reports.tables["confusion"] == expected).all(), (reports.tables, expected)
    named = data.with_class_names(["left", "right"])
    assert named.class_names == ["left", "right"] and data.class_names == []
    assert session.evaluate(named).tables["recalls"].rows == ["left", "right"]
    assert session.evaluate(named).tables["confusion"].rows == ["no", "yes"]
    step = session.bind_step({"x": X[:8].copy(), "label": LABEL[:8].copy()})
    for epoch in 1, 2:
        session.begin_epoch(epoch)
        for count in 1, 2:
            found = step()
            assert found["examples"] == 8 * count and found.tables["confusion"].sum() == 8 * count


def test_best_epoch_and_patience():
    data = nnc.Data.from_columns(COLUMNS)
    with tempfile.TemporaryDirectory() as folder:
        path, session = os.path.join(folder, "best.safetensors"), nnc.Session(nnc.Program(COUNTS))
        milestones = []
        trained = session.train(data, epochs=20, save_best=path, best="max accuracy", patience="2 of max accuracy",
                                on_epoch=milestones.append)
        values = [m.validation["accuracy"] for m in milestones]
        assert trained.best_value == max(values) and trained.best_epoch == 1 + values.index(max(values)), values
        assert trained.out_of_patience and trained.epoch == trained.best_epoch + 2 < 20 and trained.best_error == ""
        best = nnc.Session(nnc.Program(COUNTS))
        best.load(path)
        assert best.evaluate(data, "validation")["accuracy"] == trained.best_value
    assert "patience" in str(raises(nnc.Failure, lambda: nnc.Session(nnc.Program(COUNTS)).train(data, patience="soon")))


def test_documentation():
    dense = nnc.doc("dense")
    assert dense.names == ["dense"] and dense.kind == "layers" and dense.form.startswith("dense(x: float[.., n], units")
    assert dense.text in str(dense) and dense.example in str(dense)
    assert nnc.doc("Conv2d").kind == "elsewhere" and "conv2d" in nnc.doc("Conv2d").text
    assert {"optimizers", "settings", "statements"} < {word.kind for word in nnc.words()}
    raises(KeyError, lambda: nnc.doc("no_such_word"))
    assert nnc.build().version == nnc.version() and nnc.build().llvm.count(".") == 2 and nnc.build().target


def test_overview():
    text = COUNTS + "model other { output y = ones([2]) }"
    assert [(c.name, c.model, bool(c.trains)) for c in nnc.Program.choices(text)] == [
        ("counts", "counts", True), ("other", "other", False)]
    overview, lines = nnc.Program(COUNTS).overview(), []
    dense = next(call for call in overview.calls if call.path == "dense")
    assert (dense.function, dense.types, dense.parameters, dense.trained) == ("dense", ["f32[batch,2]"], 8, 8)
    assert overview.flops >= dense.flops > 0 and overview.losses == ["loss"] and "recalls" in overview.metrics
    assert overview.trained == ["dense.bias", "dense.weight"] and overview.settings["batch"] == "4"
    assert sum(h.bytes for h in overview.holders if h.kind == "parameter") == 4 * 8
    nnc.Program(COUNTS, on_trace=lines.append)
    assert any(line.startswith("fuse: @train_step: [") for line in lines)
    raises(ZeroDivisionError, lambda: nnc.Program(COUNTS, on_trace=lambda line: 1 / 0))


def test_command_line():
    """The demonstration, as its first lines say."""
    ran = subprocess.run([sys.executable, os.path.join(EMBED, "mnist.py")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "equal" in ran.stdout, ran.stdout


ignored = []  # what was raised where nobody could hear of it
sys.unraisablehook = ignored.append
for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
        assert not ignored, ignored
        print("passed", name)
